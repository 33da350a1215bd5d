"""Pictures and maps of one place side by side, each with its title and its own colour bar."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from ..files import write_whole

__all__ = ["Panel", "write_panels"]

_COLOURS = "inferno"  # dark to bright in even steps, for every kind of colour vision
_MARK = "#00e5ff"  # a hue that those colours do not have
# Inches: a panel's width, space around it, a line of its title, a colour bar with its words, the key.
_WIDTH, _GAP, _LINE, _BAR, _KEY = 3.6, 0.12, 0.18, 0.62, 0.3
_LETTERS = 12  # of a title that fit into an inch
_DPI = 120


class Panel(NamedTuple):
    """A picture, or a map of values drawn in colours.

    Shapes:
        shown: (H, W, 3) uint8, or (H, W) real values.
        marked: (H, W), what is outlined.
    """

    title: str
    shown: UInt8[np.ndarray, "h w 3"] | Float[np.ndarray, "h w"]
    value_name: str = ""
    """What a map's values are, for its colour bar."""
    limits: tuple[float, float] = (0.0, 1.0)
    """The values of the darkest and the brightest colour."""
    marked: Bool[np.ndarray, "h w"] | None = None


def write_panels(
    path: str | os.PathLike[str],
    panels: Sequence[Panel],
    *,
    title: str,
    columns: int = 4,
    key: Mapping[str, tuple[int, int, int]] | None = None,
) -> Path:
    """Draw panels in rows, from left to right.

    Args:
        path: the file, `.png`; one that exists is replaced.
        panels: at least one.
        title: what the whole picture shows.
        columns: panels in a row.
        key: what colours mean: words -> red, green, blue.

    Returns:
        The file, as a path.

    Raises:
        ValueError: if there is no panel, or columns is below 1.
    """
    if not panels or columns < 1:
        raise ValueError(
            f"{len(panels)} panels in {columns} columns make no picture: give one of each or more"
        )
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    titles = [_wrapped(panel.title, _WIDTH) for panel in panels]
    # Every place is counted in inches: a layout engine would shrink the panels that have a colour bar.
    high = max(panel.shown.shape[0] / panel.shown.shape[1] for panel in panels) * _WIDTH
    head = _GAP + _LINE * max(_lines(title) for title in titles)
    step = head + high + (_BAR if any(panel.shown.ndim == 2 for panel in panels) else 0)
    width = columns * (_WIDTH + _GAP) + _GAP
    whole_title = _wrapped(title, width)
    top = _GAP + 1.2 * _LINE * _lines(whole_title)
    size = (width, top + rows * step + _GAP + (_KEY if key else 0))
    figure = Figure(figsize=size)
    figure.suptitle(whole_title, y=1 - _GAP / size[1], va="top", fontsize=12)
    for number, (panel, words) in enumerate(zip(panels, titles, strict=True)):
        row, column = divmod(number, columns)
        left = _GAP + column * (_WIDTH + _GAP)
        upper = size[1] - top - row * step - head
        tall = panel.shown.shape[0] / panel.shown.shape[1] * _WIDTH
        axis = figure.add_axes(_place(size, left, upper - tall, _WIDTH, tall))
        axis.set_axis_off()
        axis.set_title(words, fontsize=10)
        shown = _draw(axis, panel)
        if panel.shown.ndim == 2:
            bar = figure.add_axes(_place(size, left + 0.2, upper - tall - 0.2, _WIDTH - 0.4, 0.12))
            beyond = "max" if panel.shown.max(initial=panel.limits[0]) > panel.limits[1] else "neither"
            figure.colorbar(shown, cax=bar, orientation="horizontal", extend=beyond, label=panel.value_name)
    if key:
        patches = [Patch(facecolor=_unit(rgb), edgecolor="grey", label=words) for words, rgb in key.items()]
        figure.legend(handles=patches, loc="lower center", ncols=len(patches), frameon=False)
    return write_whole(path, lambda part: figure.savefig(part, dpi=_DPI))


def _draw(axis: Axes, panel: Panel) -> AxesImage:
    low, high = panel.limits
    # Squares, not smoothed, for the pixels of the image; unless they are more than the panel has.
    smooth = "antialiased" if panel.shown.shape[1] > _WIDTH * _DPI else "nearest"
    # Of a picture in colours the limits are not used.
    shown = axis.imshow(panel.shown, cmap=_COLOURS, vmin=low, vmax=high, aspect="auto", interpolation=smooth)
    if panel.marked is not None and panel.marked.any() and not panel.marked.all():
        axis.contour(panel.marked.astype(float), levels=[0.5], colors=[_MARK], linewidths=0.8)
    return shown


def _place(size: tuple[float, float], *inches: float) -> tuple[float, float, float, float]:
    """Turn left, bottom, width and height in inches into parts of the figure."""
    left, bottom, width, height = inches
    return left / size[0], bottom / size[1], width / size[0], height / size[1]


def _wrapped(title: str, width: float) -> str:
    """Break the lines of a title that are too long for a width in inches."""
    longest = int(width * _LETTERS)
    return "\n".join(part for line in title.split("\n") for part in textwrap.wrap(line, longest) or [""])


def _lines(title: str) -> int:
    return title.count("\n") + 1


def _unit(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (part / 255 for part in rgb)
    return red, green, blue
