"""How a score is spread over the images: a violin for each row of a table, with every image as a point."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from scipy.stats import gaussian_kde

from ..files import write_whole
from .statistics import RowScores

__all__ = ["VIOLINS", "draw_violins"]

VIOLINS = ("dice_mean", "aji_mean", "pq_mean")
"""Scores that violins are drawn of by default."""

_COLOUR, _MEAN = "#0b62a4", "#c1440e"  # told apart by every kind of colour vision
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
    the short one the median. Where all images score the same there is no violin, only their points.

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
    sheet.supxlabel("points: images; dotted: their mean; short line: their median", fontsize=8)
    return write_whole(path, lambda part: sheet.savefig(part, format="png"))


def _draw_score(panel: Axes, rows: Mapping[str, RowScores], score: str) -> None:
    for place, row in enumerate(rows.values()):
        values = _of_images(row, score)
        if not values.size:
            panel.annotate(
                "no scores", (0.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
            continue
        if np.ptp(values) > 0:
            along, half = _violin(values)
            panel.fill_between(along, place - half, place + half, color=_COLOUR, alpha=0.3, linewidth=1)
        shown = values[:: -(-values.size // _MOST_POINTS)]
        # Side by side by chance, but the same in every drawing.
        aside = np.random.default_rng(0).uniform(-0.12, 0.12, shown.size)
        panel.plot(shown, place + aside, ".", color=_COLOUR, alpha=0.6, markersize=4)
        panel.vlines(values.mean(), place - 0.4, place + 0.4, color=_MEAN, linestyle=":", linewidth=1.8)
        panel.vlines(np.median(values), place - 0.15, place + 0.15, color=_MEAN, linewidth=1.8)
    panel.set_xlabel(score.removesuffix("_mean"), fontsize=9)
    panel.tick_params(axis="x", labelsize=8)
    panel.grid(axis="x", alpha=0.3)


def _violin(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores from the lowest to the highest, and half the width of the violin at each.

    As matplotlib's `violinplot`, which lies on its side by other words in every version.
    """
    along = np.linspace(values.min(), values.max(), 200)
    density = gaussian_kde(values)(along)
    return along, _WIDTH / 2 * density / density.max()


def _of_images(row: RowScores, score: str) -> np.ndarray:
    """Return the score of each image where it is defined."""
    values = np.array(list(row.images(score).values()), float)
    return values[np.isfinite(values)]
