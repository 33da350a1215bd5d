"""A table's results as a picture: every training, mean and spread, and the published figures beside."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from ..files import write_whole
from .report import Conditions
from .statistics import RowScores
from .table import Table

__all__ = ["draw_table"]

_HERE, _PAPER = "#0b62a4", "#c1440e"  # told apart by every kind of colour vision
_PANEL, _ROW, _HEAD, _FOOT, _NAMES = 2.9, 0.34, 1.05, 0.95, 2.2  # inches
_PER_LINE = 4  # panels side by side
_DPI = 120


def draw_table(path: Path, table: Table, rows: Mapping[str, RowScores], conditions: Conditions) -> Path:
    """Draw a panel for each score of a table, with a line for each row.

    Args:
        path: the file, `.png`; one that exists is replaced.
        table: the table.
        rows: row -> its scores.
        conditions: how they were run, which the title tells.

    Returns:
        The file.
    """
    columns = min(_PER_LINE, len(table.columns))
    lines = math.ceil(len(table.columns) / columns)
    height = _HEAD + lines * (_ROW * (len(table.rows) + 1) + _FOOT)
    width = _NAMES + columns * _PANEL
    sheet = Sheet(figsize=(width, height), dpi=_DPI, layout="constrained")
    panels = sheet.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for panel, column in zip(panels, table.columns, strict=False):
        _draw_column(panel, table, rows, column)
    for panel in panels[len(table.columns) :]:
        panel.set_axis_off()
    title = textwrap.fill(f"{table.bundle}, {table.name}: {table.title}", int(width * 11))
    sheet.suptitle(f"{title}\n{conditions.in_words}", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    for panel in panels[1:]:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles, labels = [*handles, handle], [*labels, label]
    if handles:
        sheet.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return write_whole(path, lambda part: sheet.savefig(part, format="png"))


def _draw_column(panel: Axes, table: Table, rows: Mapping[str, RowScores], column: str) -> None:
    for place, row in enumerate(table.rows):
        scores = rows[row.name]
        figure, values = scores.figure(column), list(scores.values(column).values())
        if figure is not None:
            spread = 0 if math.isnan(figure.spread) else figure.spread
            panel.plot(values, [place + 0.16] * len(values), ".", color=_HERE, alpha=0.45, markersize=5)
            panel.errorbar(
                figure.mean, place, xerr=spread, fmt="o", color=_HERE, capsize=3, markersize=5,
                label="here: mean, spread, and each training",
            )  # fmt: skip
        else:
            panel.annotate(
                "no scores", (0.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
        if column in row.published:
            panel.plot(
                row.published[column], place, "D", markerfacecolor="white", color=_PAPER, markersize=6,
                label="paper (other images, other budget)",
            )  # fmt: skip
    _keep_one_label_each(panel)
    panel.set_yticks(range(len(table.rows)), [textwrap.fill(row.name, 26) for row in table.rows], fontsize=8)
    panel.set_ylim(len(table.rows) - 0.5, -0.5)
    panel.set_xlabel(column, fontsize=9)
    panel.tick_params(axis="x", labelsize=8)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.grid(axis="x", alpha=0.3)


def _keep_one_label_each(panel: Axes) -> None:
    seen: set[str] = set()
    for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
        if label in seen:
            handle.set_label("_")  # matplotlib leaves it out of the key
        seen.add(label)
