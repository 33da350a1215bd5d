"""Any image file -> one array, channels first; the suffix tells the format, a number or name the channel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from . import nifti_file, plain_file, tiff_file
from .channels import ChannelChoice, choose_channels
from .image_record import RGB_NAMES, BadFileError, ImageFile, ImageHeader

SUFFIXES = (*plain_file.SUFFIXES, *tiff_file.SUFFIXES, *nifti_file.SUFFIXES)
logger = logging.getLogger(__name__)


def is_image(path: str | Path) -> bool:
    """Tell by its name whether a file is an image that can be read; hidden files are none.

    Example:
        >>> is_image("a/b.OME.TIF"), is_image("b.nii.gz"), is_image("b.csv"), is_image("a/._b.tif")
        (True, True, False, False)
    """
    name = Path(path).name.lower()
    return name.endswith(SUFFIXES) and not name.startswith(".")


def probe(
    path: str | Path, *, channel_names: Sequence[str] | None = None, for_labels: bool = False
) -> ImageHeader:
    """Read the header of an image file, not its pixels: quick enough to check a data set before training.

    Args:
        path: the file.
        channel_names: names that take the place of the file's own.
        for_labels: whether the file holds labels: a table of colours then is left alone.

    Raises:
        FileNotFoundError: if there is no such file.
        BadFileError: (a ValueError) if the format is unknown, or the file is truncated or not one plane.
    """
    file = _existing(path)
    name = file.name.lower()
    if name.endswith(nifti_file.SUFFIXES):
        header = nifti_file.probe_nifti(file)
    elif name.endswith(tiff_file.SUFFIXES):
        header = tiff_file.probe_tiff(file, expand_palette=not for_labels)
    else:
        header = plain_file.probe_plain(file, expand_palette=not for_labels)
    if header.dtype.kind not in "uif":
        raise BadFileError(f"{path} has pixels of type {header.dtype}: export it as 8 or 16 bit, or float")
    return header if channel_names is None else _renamed(header, tuple(channel_names), path)


def read_image(
    path: str | Path, *, channels: ChannelChoice = None, channel_names: Sequence[str] | None = None
) -> ImageFile:
    """Read an image: PNG, JPEG, BMP, TIFF and its dialects (level 0 of a pyramid), NIfTI.

    Args:
        path: the file.
        channels: all (None), a number, a name, several in a list, or one string such as "DAPI,CD3" or "0,2".
        channel_names: names that take the place of the file's own (a data list may know them better).

    Returns:
        The pixels as stored: rows from top to bottom, columns from left to right; alpha is dropped; values
        that are not finite are set to 0.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file cannot be read, has a depth or time axis, or lacks a channel that was asked
            for.
    """
    header = probe(path, channel_names=channel_names)
    chosen = choose_channels(channels, header.channel_names, path=path)
    everything = chosen == tuple(range(header.shape[0]))
    pixels = _read_pixels(Path(path), None if everything else chosen)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        logger.warning("%s holds values that are not finite: they are read as 0", path)
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0)
    return ImageFile(
        pixels=pixels,
        channel_names=tuple(header.channel_names[number] for number in chosen),
        pixel_size_um=header.pixel_size_um,
        is_rgb=header.is_rgb and chosen == (0, 1, 2),
    )


def read_plane(path: str | Path) -> np.ndarray:
    """Read the only plane of a label file with its values as stored, colour tables left alone.

    Args:
        path: the file, known to have one channel.

    Shapes:
        returns: (H, W), type as stored.
    """
    return _read_pixels(_existing(path), None, expand_palette=False)[0]


def _read_pixels(path: Path, channels: tuple[int, ...] | None, *, expand_palette: bool = True) -> np.ndarray:
    name = path.name.lower()
    if name.endswith(nifti_file.SUFFIXES):
        return nifti_file.read_nifti(path, channels)
    reader: Callable[..., np.ndarray] = (
        tiff_file.read_tiff if name.endswith(tiff_file.SUFFIXES) else plain_file.read_plain
    )
    return reader(path, channels, expand_palette=expand_palette)


def _existing(path: str | Path) -> Path:
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(
            f"{path} does not exist: check the path, or the entry of dataset.json that names it"
        )
    if file.is_dir():
        raise BadFileError(f"{path} is a folder where an image file is expected: name the file inside it")
    if not file.name.lower().endswith(SUFFIXES):
        raise BadFileError(f"{path} is in a format that is not read; readable are {' '.join(SUFFIXES)}")
    return file


def _renamed(header: ImageHeader, names: tuple[str, ...], path: str | Path) -> ImageHeader:
    count = header.shape[0]
    if len(names) != count:
        raise BadFileError(
            f"{path} has {count} channel(s), but {len(names)} name(s) are given for them ({', '.join(names)})"
            f': mend "channels" in dataset.json'
        )
    return ImageHeader(
        shape=header.shape,
        dtype=header.dtype,
        channel_names=names,
        pixel_size_um=header.pixel_size_um,
        is_rgb=header.is_rgb and names == RGB_NAMES,
    )
