"""A label file -> label map: integers, one channel, 0 = background and i = nucleus i."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from scipy import ndimage

from .image_file import probe, read_plane
from .image_record import BadFileError, ImageHeader
from .said_once import first_time

logger = logging.getLogger(__name__)
# Beyond it two ids may be one number to float32, which LoadImaged makes of labels; tables by id grow large.
_LARGEST_ID = 2**24


def probe_labels(path: str | Path) -> ImageHeader:
    """Read the header of a label file and refuse one that cannot hold labels.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no such file.
        BadFileError: (a ValueError) if it cannot be read, was compressed with loss (JPEG), or has several
            channels.
    """
    header = probe(path, for_labels=True)
    count = header.shape[0]
    if count > 1:
        what = "an RGB picture" if header.is_rgb else f"an image of {count} channels"
        raise BadFileError(
            f"{path} is {what}, not a label map: save one channel of integers, 0 = background and "
            f"i = nucleus i, for example as a 16-bit TIFF"
        )
    if header.is_lossy:
        raise BadFileError(
            f"{path} is compressed as JPEG, which changes the numbers of nuclei and blurs their borders: save"
            f" the labels anew from where they were drawn, as PNG or TIFF (16 bit)"
        )
    return header


def read_labels(path: str | Path) -> np.ndarray:
    """Read a label map from TIFF, PNG, BMP or NIfTI; whole numbers may be stored as reals.

    Args:
        path: the file. A mask of one value is taken as it is: as one nucleus, with a warning where it has
            many parts.

    Shapes:
        returns: (H, W), int32; 0 = background, i = nucleus i; ids as stored up to 16,777,216, so not always
            1 to N; where one is larger, all are numbered anew from 1, in their order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, was compressed with loss (JPEG), or holds parts of numbers, colours,
            negative or too large numbers.
    """
    probe_labels(path)
    labels = read_plane(path)
    if labels.dtype.kind == "f":
        labels = _whole_numbers(labels, path)
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if low < 0:
        raise BadFileError(
            f"{path} holds the negative label {low}: use 0 for background and 1, 2, ... for nuclei"
        )
    if high > np.iinfo(np.int32).max:
        raise BadFileError(f"{path} holds the label {high}, too large: number the nuclei from 1")
    if high in (1, 255) and np.all((labels == 0) | (labels == high)):
        _warn_of_mask(path, labels, high)
    if high > _LARGEST_ID:
        ids, numbers = np.unique(labels, return_inverse=True)
        labels = numbers.reshape(labels.shape) + int(ids[0] != 0)
    return labels.astype(np.int32)


def _whole_numbers(labels: np.ndarray, path: str | Path) -> np.ndarray:
    """Turn labels that a program stored as real numbers into integers; refuse what it may have rounded."""
    broken = labels[~(np.floor(labels) == labels)]  # NaN and parts of numbers; infinity is too large below
    if broken.size:
        raise BadFileError(
            f"{path} holds {labels.dtype} numbers that are no labels, such as {broken[0]:g}: labels are "
            f"whole numbers, 0 = background and i = nucleus i; save the label map, not a probability map"
        )
    exact = 2 ** (np.finfo(labels.dtype).nmant + 1)
    if labels.size and np.abs(labels).max() > exact:
        raise BadFileError(
            f"{path} holds the label {np.abs(labels).max():.17g} as {labels.dtype}, which tells whole "
            f"numbers apart only up to {exact}: save labels as 32-bit integers, numbered from 1"
        )
    return labels.astype(np.int64)


def _warn_of_mask(path: str | Path, labels: np.ndarray, value: int) -> None:
    parts = ndimage.label(labels)[1]
    if parts > 1 and first_time("mask", Path(path).parent):
        logger.warning(
            "%s is a mask: its single value %d in %d parts reads as ONE nucleus; to make the parts nuclei, "
            "save skimage.measure.label(mask) (said once per folder)",
            path,
            value,
            parts,
        )
