"""What a step that saves needs of a pipeline's item: file, name, label map, pixel size."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch

from ..files import stem_of

__all__ = ["array_of", "file_of", "name_of", "pixel_size_of", "plane_of", "planes_of"]


def file_of(image: Any, key: str) -> str:
    """Return the file that an image came from.

    Args:
        image: as LoadImaged gives it.
        key: its name in the item, for errors.

    Raises:
        ValueError: if it does not say so.
    """
    file = getattr(image, "meta", {}).get("filename_or_obj")
    if not isinstance(file, (str, os.PathLike)) or not os.fspath(file):
        raise ValueError(f"{key!r} does not name its file: read it by LoadImaged")
    return os.fspath(file)


def name_of(item: Mapping[Hashable, Any], file: str) -> str:
    """Return the name of an image's files: the item's, else that of the image's file without its suffix."""
    return str(item.get("name") or stem_of(file))


def array_of(value: Any) -> np.ndarray:
    """Return a tensor or an array as an array."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def plane_of(value: Any, name: str) -> np.ndarray:
    """Return a label map as one plane of whole numbers.

    Args:
        value: the label map.
        name: its name in the item, for errors.

    Shapes:
        value: (1, H, W) or (H, W).
        returns: (H, W), integers.

    Raises:
        ValueError: if it is none.
    """
    array = array_of(value)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim == 2 and array.dtype.kind == "f" and np.array_equal(array, np.rint(array)):
        # LoadImaged and MONAI's own transforms turn labels into floats; whole numbers lose nothing by this.
        array = array.astype(np.int64)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ValueError(f"{name!r} is {array.dtype} of shape {array.shape}, no label map: decode it first")
    return array


def planes_of(value: Any, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the label map of nuclei, and that of whole cells where it is the second plane.

    Args:
        value: the label map.
        name: its name in the item, for errors.

    Shapes:
        value: (2, H, W), (1, H, W) or (H, W).
        returns: (H, W), integers, and the same or None.

    Raises:
        ValueError: if it is none.
    """
    array = array_of(value)
    if array.ndim == 3 and len(array) == 2:
        return plane_of(array[0], name), plane_of(array[1], name)
    return plane_of(array, name), None


def pixel_size_of(meta: Mapping[str, Any]) -> float | None:
    """Return the edge of a pixel in micrometres, where an image's meta tell it."""
    size = meta.get("pixel_size_um")
    if size is None:
        return None
    size = float(size)
    return size if math.isfinite(size) and size > 0 else None
