"""One crowded image of the embedded sample as a file, and its nuclei."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from ..sample import make_image

__all__ = ["write_scene"]


def write_scene(folder: str | Path, *, image_px: int, channels: int = 1) -> tuple[Path, np.ndarray]:
    """Write an image of 1,337 nuclei a megapixel, the same for the same arguments.

    Args:
        folder: where the file shall lie.
        image_px: height and width.
        channels: 1: fluorescence; 3: a stained section.

    Returns:
        The file, and the label map (image_px, image_px) int32.

    Raises:
        ValueError: if the sample has no images of that size or number of channels.
    """
    kinds = {1: "fluorescence", 3: "he"}
    if channels not in kinds:
        raise ValueError(f"the sample has no image of {channels} channels: choose bundles of 1 or 3")
    if image_px < 64:
        raise ValueError(f"--image_px is {image_px}: give 64 or more")
    image, label_map = make_image(
        kinds[channels],
        (image_px, image_px),
        seed=0,
        radius_px=11.0,
        density=0.5,
        clustering=0.8,
        elongation=1.3,
    )
    path = Path(folder) / f"{kinds[channels]}.tif"
    if channels == 3:
        tifffile.imwrite(path, np.moveaxis(image, 0, -1), photometric="rgb")
    else:
        tifffile.imwrite(path, image[0])
    return path, label_map
