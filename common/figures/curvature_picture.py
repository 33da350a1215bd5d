"""True and predicted contours coloured by their curvature, and the two distributions of curvature."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..export import PREDICTED, TRUTH, display_image
from ..files import write_whole

__all__ = ["CurvedLines", "write_curvature_picture"]

# Letters that have room above a panel; what is longer would run into the colour bar.
_LETTERS = 40


class CurvedLines(NamedTuple):
    """Contours as short lines with their curvature, and the distribution of curvature over all of them.

    Shapes:
        starts, ends: (n, 2), row and column in pixels.
        curvature: (n,), 1/px.
        distribution: (bins,), sums to 1.
    """

    title: str
    starts: Float[np.ndarray, "n 2"]
    ends: Float[np.ndarray, "n 2"]
    curvature: Float[np.ndarray, " n"]
    distribution: Float[np.ndarray, " bins"]


def write_curvature_picture(
    path: str | os.PathLike[str],
    image: Shaped[np.ndarray, "c h w"],
    truth: CurvedLines,
    prediction: CurvedLines,
    bin_centres: Float[np.ndarray, " bins"],
    *,
    title: str,
    limit: float = 0.35,
) -> Path:
    """Draw contours on the image, blue where they bend inwards and red where they bend outwards.

    Args:
        path: the file, `.png`; one that exists is replaced.
        image: any number of channels and any range.
        truth: the contours of the first panel, and the blue distribution.
        prediction: the contours of the second panel, and the orange distribution.
        bin_centres: curvatures of the distributions' bins, 1/px.
        title: what the whole picture shows.
        limit: curvature of the full colours, 1/px.

    Shapes:
        image: (C, H, W).
        bin_centres: (bins,).

    Returns:
        The file, as a path.
    """
    figure = Figure(figsize=(16, 5.6), layout="constrained")
    figure.suptitle(title)
    left, middle, right = figure.subplots(1, 3)
    # Darker than the lines at any brightness of the image.
    backdrop = (display_image(image) * 0.65).astype(np.uint8)
    for axis, lines in ((left, truth), (middle, prediction)):
        axis.imshow(backdrop)
        axis.set_axis_off()
        axis.set_title(textwrap.fill(lines.title, _LETTERS))
        shown = _draw(axis, lines, limit)
    figure.colorbar(
        shown, ax=[left, middle], label="curvature (1/px): notch < 0 < bulge", shrink=0.8, extend="both"
    )
    for lines, colour, style, label in (
        (truth, TRUTH, "-", "truth"),
        (prediction, PREDICTED, "--", "prediction"),
    ):
        rgb = tuple(part / 255 for part in colour)
        right.plot(bin_centres, lines.distribution, color=rgb, linestyle=style, label=label, linewidth=2)
    right.set_xlabel("curvature (1/px)")
    right.set_ylabel("share of the contours' length")
    right.set_title("distributions that the loss compares")
    right.set_box_aspect(1)
    right.legend(loc="upper left")
    return write_whole(path, lambda part: figure.savefig(part, dpi=110))


def _draw(axis: Axes, lines: CurvedLines, limit: float) -> LineCollection:
    segments = np.stack([lines.starts, lines.ends], axis=1)[..., ::-1]  # matplotlib wants x, y
    drawn = LineCollection(list(segments), cmap="coolwarm", linewidths=2, capstyle="round")
    drawn.set_array(lines.curvature)
    drawn.set_clim(-limit, limit)
    axis.add_collection(drawn)
    return drawn
