"""NIfTI files of one plane: header and pixels, by nibabel.

Convention, as MONAI and nibabel have it: the first axis of the stored array is x (column), the second y
(row), so an image of height H and width W is stored as (W, H). The affine matrix is not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from .image_record import BadFileError, ImageHeader, complete_names, damage_in_one_sentence

SUFFIXES = (".nii", ".nii.gz")
_UNIT_UM = {"meter": 1e6, "mm": 1e3, "micron": 1.0}


def probe_nifti(path: Path) -> ImageHeader:
    """Read the header of a NIfTI file.

    Args:
        path: the file.

    Raises:
        BadFileError: if it is truncated, no NIfTI, or has a depth or time axis.
    """
    with damage_in_one_sentence(path, "NIfTI"):
        volume: Any = nibabel.load(path)
        # A plane is small, and a broken end shows in no other way: read it.
        array = _channels_first(np.asanyarray(volume.dataobj), volume, path)
        size = _UNIT_UM.get(volume.header.get_xyzt_units()[0])
        is_rgb = volume.header.get_data_dtype().names is not None
        count, height, width = array.shape
        return ImageHeader(
            shape=(count, height, width),
            dtype=array.dtype,
            channel_names=complete_names((), count, is_rgb=is_rgb),
            pixel_size_um=float(volume.header.get_zooms()[0]) * size if size else None,
            is_rgb=is_rgb,
        )


def read_nifti(path: Path, channels: Sequence[int] | None = None) -> np.ndarray:
    """Read the pixels of a NIfTI file, scaled as its header says.

    Args:
        path: the file.
        channels: numbers of the channels to keep; None for all.

    Shapes:
        returns: (C, H, W), from (W, H), (W, H, 1, C) or (W, H, 1, 1, C) as stored.

    Raises:
        BadFileError: as `probe_nifti`.
    """
    with damage_in_one_sentence(path, "NIfTI"):
        volume: Any = nibabel.load(path)
        pixels = _channels_first(np.asanyarray(volume.dataobj), volume, path)
    return np.ascontiguousarray(pixels if channels is None else pixels[list(channels)])


def _channels_first(array: np.ndarray, volume: Any, path: Path) -> np.ndarray:
    if array.dtype.names is not None:  # colours are stored as records
        array = np.stack([array[name] for name in array.dtype.names[:3]], axis=-1)
        array = array.reshape(*array.shape[:2], int(np.prod(array.shape[2:-1])), 1, array.shape[-1])
    shape = array.shape + (1,) * (5 - array.ndim)
    if shape[2] > 1:
        raise BadFileError(
            f"{path} has {shape[2]} planes along its Z (depth) axis: export one plane or a projection"
        )
    if shape[3] > 1 and volume.header.get_xyzt_units()[1] != "unknown":
        raise BadFileError(f"{path} has {shape[3]} planes along its T (time) axis: export one moment")
    if len(shape) > 5 or min(shape[3], shape[4]) > 1:
        raise BadFileError(
            f"{path} has the shape {array.shape}: export it as width x height (x 1 x channels)"
        )
    plane = array.reshape(shape[0], shape[1], shape[3] * shape[4]).transpose(2, 1, 0)
    return plane.astype(plane.dtype.newbyteorder("="), copy=False)
