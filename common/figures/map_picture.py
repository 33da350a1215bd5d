"""An image and maps made from it, side by side in one picture with one scale of colours."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure

from ..export import display_image
from ..files import write_whole

__all__ = ["write_map_picture"]


def write_map_picture(
    path: str | os.PathLike[str],
    image: Shaped[np.ndarray, "c h w"],
    maps: Mapping[str, Float[np.ndarray, "h w"]],
    *,
    title: str,
    value_name: str,
    columns: int = 4,
) -> Path:
    """Draw an image and maps of it; blue is negative, white 0, red positive, the same in every map.

    Args:
        path: the file, `.png`; one that exists is replaced.
        image: any number of channels and any range.
        maps: name -> map, drawn in this order after the image.
        title: what the whole picture shows.
        value_name: what the maps' values are, for the colour bar.
        columns: panels in a row.

    Shapes:
        image: (C, H, W).
        maps: (H, W), any real values.

    Returns:
        The file, as a path.
    """
    rows = math.ceil((1 + len(maps)) / columns)
    height, width = image.shape[1:]
    figure = Figure(figsize=(3 * columns + 1, 3.25 * rows * height / width + 0.6), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(display_image(image))
    axes[0].set_title("image")
    # The few strongest pixels shall not pale the rest.
    limit = max((float(np.percentile(np.abs(values), 99.8)) for values in maps.values()), default=1.0) or 1.0
    shown = None
    for axis, (name, values) in zip(axes[1:], maps.items(), strict=False):
        shown = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set_title(name)
    if shown is not None:
        figure.colorbar(shown, ax=list(axes), label=value_name, shrink=0.8, extend="both")
    return write_whole(path, lambda part: figure.savefig(part, dpi=120))
