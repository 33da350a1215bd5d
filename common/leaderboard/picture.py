"""A board as a picture: a panel for each score, a line for each method, intervals and single trainings."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ..files import sha256_of, write_whole
from .board import SCORES, Entry
from .board_file import read_board

__all__ = ["draw_board", "picture_source"]

_COLOUR = "#0b62a4"
_PANEL, _ROW, _HEAD, _FOOT, _NAMES = 2.6, 0.4, 0.8, 1.0, 2.8  # inches
_PER_LINE = 3  # panels side by side
_DPI = 120
_NOTE = "Drawn from SHA-256"
_PANELS = (*(score for score in SCORES if score.endswith("_mean")),)


def draw_board(file: Path) -> Path:
    """Draw a board beside its file, and note in the picture what that file held.

    Args:
        file: as `write_board` wrote it.

    Returns:
        The picture, of the file's name, `.png`; one that exists is replaced.
    """
    board = read_board(file)
    ranked = board.ranked
    lines = -(-(len(_PANELS) + 1) // _PER_LINE)
    height = _HEAD + lines * (_ROW * (len(ranked) + 1) + _FOOT)
    sheet = Sheet(figsize=(_NAMES + _PANEL * _PER_LINE, height), dpi=_DPI, layout="constrained")
    panels = sheet.subplots(lines, _PER_LINE, sharey=True, squeeze=False).ravel()
    for panel, score in zip(panels, _PANELS, strict=False):
        _draw_score(panel, ranked, score)
    _draw_time(panels[len(_PANELS)], ranked)
    names = [textwrap.fill(entry.name, 34) for entry in ranked]
    panels[0].set_yticks(range(len(ranked)), names, fontsize=8)
    panels[0].set_ylim(len(ranked) - 0.5, -0.5)
    tested = "" if board.lists == "as listed" else f", {board.lists}"
    sheet.suptitle(f"{board.data}, {board.split} list, {len(board.images)} images{tested}", fontsize=10)
    note = "bar: 95 % bootstrap interval over images; dots: single trainings"
    sheet.supxlabel(note, fontsize=8)
    told = {_NOTE: sha256_of(file)}
    return write_whole(
        file.with_suffix(".png"), lambda part: sheet.savefig(part, format="png", metadata=told)
    )


def picture_source(picture: Path) -> str | None:
    """Return the SHA-256 of the file that a picture was drawn from; None where it does not say.

    Args:
        picture: as `draw_board` drew it.
    """
    with Image.open(picture) as opened:
        return opened.info.get(_NOTE)


def _draw_score(panel: Axes, ranked: list[Entry], score: str) -> None:
    for place, entry in enumerate(ranked):
        rows = entry.rows
        figure = rows.figure(score)
        if figure is None:
            continue
        single = list(rows.values(score).values())
        panel.plot(single, [place + 0.2] * len(single), ".", color=_COLOUR, alpha=0.5, markersize=5)
        low, high = figure.interval or (figure.mean, figure.mean)
        below, above = (max(0.0, figure.mean - low), max(0.0, high - figure.mean))
        panel.errorbar(
            figure.mean, place, xerr=[[below], [above]], fmt="o", color=_COLOUR, capsize=3, markersize=5
        )
    _finish(panel, score)


def _draw_time(panel: Axes, ranked: list[Entry]) -> None:
    for place, entry in enumerate(ranked):
        seconds = entry.cost.get("training_processor_seconds", math.nan)
        if not math.isnan(seconds):
            panel.plot(seconds / 60, place, "s", color=_COLOUR, markersize=5)
    panel.set_xlim(left=0)
    _finish(panel, "training, processor minutes")


def _finish(panel: Axes, label: str) -> None:
    panel.set_xlabel(label, fontsize=9)
    panel.tick_params(labelsize=8)
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.grid(axis="x", alpha=0.3)
