"""Pictures and maps of one place side by side, each with its title and its own colour bar."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .whole_file import write_whole

__all__ = ["Panel", "write_panels"]

_COLOURS = "inferno"  # dark to bright in even steps, for every kind of colour vision
_MARK = "#00e5ff"  # a hue that those colours do not have
_WIDTH, _HEAD, _LINE = 3.6, 0.42, 0.19  # inches: a panel's width, the room for its title and each more line


class Panel(NamedTuple):
    """A picture, or a map of values drawn in colours.

    Shapes:
        shown: (H, W, 3) uint8, or (H, W) real values.
        marked: (H, W), what is outlined.
    """

    title: str
    shown: UInt8[np.ndarray, "h w 3"] | Float[np.ndarray, "h w"]
    value_name: str = ""
    """What a map's values are, for its colour bar; ends in where the colours end if that is not 0 to 1."""
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
    height = max(panel.shown.shape[0] / panel.shown.shape[1] for panel in panels) * _WIDTH
    head = _HEAD + _LINE * max(panel.title.count("\n") for panel in panels)
    bar = 0.5 if any(panel.shown.ndim == 2 for panel in panels) else 0.0
    size = (columns * _WIDTH, rows * (height + head + bar) + 0.4 + (0.3 if key else 0))
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis in axes:
        axis.set_axis_off()
    for axis, panel in zip(axes, panels, strict=False):
        _draw(figure, axis, panel)
    if key:
        patches = [Patch(facecolor=_unit(rgb), edgecolor="grey", label=words) for words, rgb in key.items()]
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    return write_whole(path, lambda part: figure.savefig(part, dpi=120))


def _draw(figure: Figure, axis: Axes, panel: Panel) -> None:
    axis.set_title(panel.title)
    if panel.shown.ndim == 3:
        axis.imshow(panel.shown)
    else:
        low, high = panel.limits
        shown = axis.imshow(panel.shown, cmap=_COLOURS, vmin=low, vmax=high)
        beyond = "max" if panel.shown.max(initial=low) > high else "neither"
        # Below the panel and as wide: it keeps its size beside panels without a bar.
        place = axis.inset_axes((0.0, -0.06, 1.0, 0.035))
        figure.colorbar(shown, cax=place, orientation="horizontal", extend=beyond, label=panel.value_name)
    if panel.marked is not None and panel.marked.any() and not panel.marked.all():
        axis.contour(panel.marked.astype(float), levels=[0.5], colors=[_MARK], linewidths=0.8)


def _unit(rgb: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(part / 255 for part in rgb)
