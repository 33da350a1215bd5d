"""How a score is spread over the images: a violin for each row of a table, with every image as a point."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import setp
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet

from ..files import write_whole
from .statistics import RowScores

__all__ = ["VIOLINS", "draw_violins"]

VIOLINS = ("dice_mean", "aji_mean", "pq_mean")
"""Scores that violins are drawn of by default."""

_COLOUR, _MEAN, _MEDIAN = "#0b62a4", "#e8590c", "#0a2540"  # told apart by every kind of colour vision
_PANEL, _ROW, _HEAD, _FOOT, _NAMES = 2.9, 0.55, 1.0, 0.9, 2.2  # inches
_PER_LINE = 3  # panels side by side
_WIDTH = 0.8  # of a violin, in rows
_MOST_POINTS = 2000  # of more they are a blot, and the file is large
_DPI = 120


def draw_violins(
    path: Path, rows: Mapping[str, RowScores], *, title: str, scores: Sequence[str] = VIOLINS
) -> Path | None:
    """Draw a panel for each score that single images have, with a violin for each row.

    A violin is the density of the images' scores (Gaussian kernels, Scott's width) between the lowest and the
    highest; of an image that several trainings were tested on it is the mean. The dotted line is the mean,
    the other one the median. Where all images score the same the violin is a line.

    Args:
        path: the file, `.png`; one that exists is replaced.
        rows: name -> its scores.
        title: what they were made with.
        scores: which, as tables name them; those that no image has are left out.

    Returns:
        The file; None where no image has any of the scores.
    """
    wanted = list(dict.fromkeys(scores))
    there = [score for score in wanted if any(_of_images(row, score).size for row in rows.values())]
    if not there:
        return None
    columns = min(_PER_LINE, len(there))
    lines = math.ceil(len(there) / columns)
    width, height = _NAMES + columns * _PANEL, _HEAD + lines * (_ROW * (len(rows) + 0.5) + _FOOT)
    sheet = Sheet(figsize=(width, height), dpi=_DPI, layout="constrained")
    panels = sheet.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for panel, score in zip(panels, there, strict=False):
        _draw_score(panel, rows, score)
    for panel in panels[len(there) :]:
        panel.set_axis_off()
    panels[0].set_yticks(range(len(rows)), [textwrap.fill(name, 26) for name in rows], fontsize=8)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    head, *rest = title.splitlines() or [""]
    sheet.suptitle("\n".join([textwrap.fill(head, int(width * 11)), *rest]), fontsize=10)
    sheet.supxlabel("points: images; dotted: their mean; line: their median", fontsize=8)
    return write_whole(path, lambda part: sheet.savefig(part, format="png"))


def _draw_score(panel: Axes, rows: Mapping[str, RowScores], score: str) -> None:
    scored = {}
    for place, row in enumerate(rows.values()):
        values = _of_images(row, score)
        if not values.size:
            panel.annotate(
                "no scores", (0.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
            continue
        scored[place] = values
        shown = values[:: -(-values.size // _MOST_POINTS)]
        # Side by side by chance, but the same in every drawing.
        aside = np.random.default_rng(0).uniform(-0.12, 0.12, shown.size)
        panel.plot(shown, place + aside, ".", color=_COLOUR, alpha=0.6, markersize=4)
    drawn = panel.violinplot(
        list(scored.values()),
        list(scored),
        orientation="horizontal",
        widths=_WIDTH,
        points=200,
        showmeans=True,
        showmedians=True,
        showextrema=False,
    )
    setp(drawn["bodies"], color=_COLOUR, alpha=0.3)
    setp(drawn["cmedians"], color=_MEDIAN, linewidth=1.8, zorder=3)
    setp(drawn["cmeans"], color=_MEAN, linestyle=":", linewidth=2.2, zorder=4)  # seen over the median too
    panel.set_xlabel(score.removesuffix("_mean"), fontsize=9)
    panel.tick_params(axis="x", labelsize=8)
    panel.grid(axis="x", alpha=0.3)


def _of_images(row: RowScores, score: str) -> np.ndarray:
    """Return the score of each image where it is defined."""
    values = np.array(list(row.images(score).values()), float)
    return values[np.isfinite(values)]
