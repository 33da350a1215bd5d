"""Receptive fields of output pixels in the image and in a network's layers, drawn to one scale."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle

from ..export import PREDICTED, TRUTH
from ..files import write_whole

__all__ = ["FieldPanel", "write_receptive_field_picture"]

_FAINTEST = 1e-4  # of the largest gradient: what is fainter is black
_FIELD, _NUCLEUS = (tuple(part / 255 for part in colour) for colour in (PREDICTED, TRUTH))


class FieldPanel(NamedTuple):
    """The receptive field of an output pixel in the image, or in a layer of fewer pixels.

    Attributes:
        title: above the panel.
        field: the gradient, 0 or more.
        position: row and column of the output pixel, in pixels of the image.
        radius_px: of the circle with 95 % of the field, in pixels of the image.

    Shapes:
        field: (h, w).
    """

    title: str
    field: Float[np.ndarray, "h w"]
    position: tuple[float, float]
    radius_px: float


def write_receptive_field_picture(
    path: str | os.PathLike[str],
    positions: Sequence[FieldPanel],
    layers: Sequence[FieldPanel],
    curves: Mapping[str, tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]],
    *,
    size_px: int,
    nucleus_px: float | None,
    title: str,
) -> Path:
    """Draw fields in grey, logarithmic, with circles that show how far they reach.

    Above: fields in the image, and how their share grows with the distance. Below: fields in layers, each
    stretched to the size of the image.

    Args:
        path: the file, `.png`; one that exists is replaced.
        positions: fields in the image, at least one.
        layers: fields of one pixel in layers.
        curves: name -> distances in pixels and the share of the field within them, at most three.
        size_px: height and width of the image.
        nucleus_px: how far the largest nucleus reaches from its centre, in pixels of the image, if there is
            one: a blue circle of that radius.
        title: what the whole picture shows.

    Returns:
        The file, as a path.
    """
    columns = max(len(positions) + 1, len(layers))
    heights = [4.2, 4.1] if layers else [4.2]
    figure = Figure(figsize=(3.2 * columns + 1, sum(heights) + 0.3), layout="constrained")
    figure.suptitle(title)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    parts[0].suptitle("a) the field of output pixels at several positions, in the image", fontsize="medium")
    axes = parts[0].subplots(1, len(positions) + 1, squeeze=False)[0]
    for axis, panel in zip(axes[:-1], positions, strict=True):
        shown = _draw(axis, panel, size_px, nucleus_px)
    _draw_curves(axes[-1], curves, positions[0].radius_px, nucleus_px)
    if layers:
        parts[1].suptitle(
            "b) the field of the centre pixel in the encoder's layers, each stretched to the image",
            fontsize="medium",
        )
        axes = parts[1].subplots(1, len(layers), squeeze=False)[0]
        for axis, panel in zip(axes, layers, strict=True):
            shown = _draw(axis, panel, size_px, None)
    parts[-1].colorbar(shown, ax=list(axes), label="gradient, share of its largest", shrink=0.8, extend="min")
    return write_whole(path, lambda part: figure.savefig(part, dpi=110))


def _draw(axis: Axes, panel: FieldPanel, size_px: int, nucleus_px: float | None) -> AxesImage:
    share = panel.field / max(float(panel.field.max()), np.finfo(np.float32).tiny)
    # Pixels lie around their centres: the first from -0.5 to 0.5.
    edges = (-0.5, size_px - 0.5, size_px - 0.5, -0.5)
    shown = axis.imshow(
        np.maximum(share, _FAINTEST / 10),
        cmap="gray",
        norm=LogNorm(_FAINTEST, 1),
        extent=edges,
        interpolation="nearest",
    )
    axis.set_title(panel.title, fontsize="medium")
    axis.set_xticks([])
    axis.set_yticks([])
    centre = panel.position[::-1]  # matplotlib wants x, y
    axis.add_patch(Circle(centre, panel.radius_px, fill=False, color=_FIELD, linewidth=1.8))
    if nucleus_px is not None:
        axis.add_patch(Circle(centre, nucleus_px, fill=False, color=_NUCLEUS, linewidth=1.8, linestyle="--"))
    axis.set_xlim(edges[0], edges[1])
    axis.set_ylim(edges[2], edges[3])
    return shown


def _draw_curves(
    axis: Axes,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    radius_px: float,
    nucleus_px: float | None,
) -> None:
    for (name, (distances, shares)), style in zip(curves.items(), ("-", ":", "-."), strict=False):
        axis.plot(distances, shares, color="black", linestyle=style, label=name)
    axis.axvline(radius_px, color=_FIELD, linewidth=1.8, label=f"95 % of the field: {radius_px:.0f} px")
    if nucleus_px is not None:
        label = f"largest nucleus: {nucleus_px:.0f} px"
        axis.axvline(nucleus_px, color=_NUCLEUS, linewidth=1.8, linestyle="--", label=label)
    axis.set_xlim(0, 2 * max(radius_px, nucleus_px or 0, 1))
    axis.set_ylim(0, 1.02)
    axis.set_box_aspect(1)
    axis.set_xlabel("distance from the pixel (px)")
    axis.set_title("share of the centre's field within a distance", fontsize="medium")
    axis.legend(loc="lower right", fontsize="small")
