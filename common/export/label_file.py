"""A label map -> a TIFF that every microscopy program opens: 16 bits where they suffice, 32 otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Integer

from ..files import MARK, record_text, write_whole
from ..geometry import label_type

__all__ = ["write_label_map"]


def write_label_map(
    path: str | os.PathLike[str],
    label_map: Integer[np.ndarray, "h w"],
    *,
    pixel_size_um: float | None = None,
    record: Mapping[str, Any] | None = None,
) -> Path:
    """Write a label map as a zlib-compressed TIFF, whole or not at all.

    Args:
        path: the file, `.tif` or `.tiff`; one that exists is replaced.
        label_map: 0 = background, i = nucleus i; the ids are kept as they are.
        pixel_size_um: edge of a pixel in micrometres, noted in the file where it is known.
        record: how it was made, noted in the file for `common.files.recorded`; with one, the file is known as
            made by a segmentation, which a later one may replace.

    Shapes:
        label_map: (H, W), any integer type, 0 to 4,294,967,295; uint16 in the file up to 65,535, else uint32.

    Returns:
        The file, as a path.

    Raises:
        ValueError: if the array is not one plane of integers, or an id is negative or too large.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"{path} is no TIFF: name it .tif, a format that holds more than 65,535 nuclei")
    if label_map.ndim != 2 or label_map.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: a label map is a height x width array of integers, not {label_map.dtype} of shape "
            f"{label_map.shape}: decode the network's maps first"
        )
    lowest, highest = (int(label_map.min()), int(label_map.max())) if label_map.size else (0, 0)
    if lowest < 0 or highest > np.iinfo(np.uint32).max:
        raise ValueError(f"{path}: the label {lowest if lowest < 0 else highest} does not fit: number from 1")
    stored = label_map.astype(label_type(highest))
    tags: dict[str, Any] = {"metadata": None}
    if pixel_size_um is not None:
        per_cm = 1e4 / pixel_size_um
        tags |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    if record is not None:
        tags |= {"software": MARK, "description": record_text(record)}

    def write(part: Path) -> None:
        # One plane of numbers, said outright: tifffile would take a map three pixels wide for colours.
        tifffile.imwrite(part, stored, photometric="minisblack", compression="zlib", **tags)

    return write_whole(path, write)
