"""Any image file -> one array, channels first; the suffix tells the format, a number or name the channel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..geometry import finite_values
from . import nifti_file, plain_file, tiff_file
from .channels import ChannelChoice, choose_channels
from .colour_picture import refuse_part_of_colours
from .image_record import RGB_NAMES, BadFileError, ImageFile, ImageHeader
from .said_once import first_time

SUFFIXES = (*plain_file.SUFFIXES, *tiff_file.SUFFIXES, *nifti_file.SUFFIXES)
logger = logging.getLogger(__name__)
# So few unnamed pages are rarely anything but channels; of more, the first is as likely a depth or time.
_FEW_PAGES = 4


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
        The pixels as stored: rows from top to bottom, columns from left to right; alpha is dropped (but not
        the last of four planes of a TIFF, see `tiff_file`); values that are not finite (NaN, infinity) are
        set to the lowest finite one of their channel.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file cannot be read, has a depth or time axis, or lacks a channel that was asked
            for; also if channels are asked for by number and the picture is coloured (see
            `refuse_part_of_colours`), or the pages may be no channels (see `choose_from`).
    """
    header = probe(path, channel_names=channel_names)
    chosen = choose_from(header, channels, path=path)
    everything = chosen == tuple(range(header.shape[0]))
    pixels = _read_pixels(Path(path), None if everything or header.is_rgb else chosen)
    if header.is_rgb and not everything:
        refuse_part_of_colours(pixels, chosen, channels, path=path)
        pixels = pixels[list(chosen)]
    finite = finite_values(pixels)
    if finite is not pixels and first_time("not finite", path):
        logger.warning(
            "%s holds %d values that are not finite (NaN, infinity): they are read as their channel's lowest",
            path,
            pixels.size - np.count_nonzero(np.isfinite(pixels)),
        )
    return ImageFile(
        pixels=finite,
        channel_names=tuple(header.channel_names[number] for number in chosen),
        pixel_size_um=header.pixel_size_um,
        is_rgb=header.is_rgb and chosen == (0, 1, 2),
    )


def choose_from(header: ImageHeader, channels: ChannelChoice, *, path: str | Path) -> tuple[int, ...]:
    """Turn a choice of channels into their numbers, by the header alone.

    Pages of a TIFF file that does not say what they are count as channels; but of five or more the first
    alone, which is what bundles of one channel choose by default, would as likely be the first depth or time
    of a stack: it is read where the channels have names (in the file or in `dataset.json`). Any other choice
    (all, several, another number) says that they are channels.

    Args:
        header: of the image.
        channels: as for `choose_channels`.
        path: the file, for the error.

    Raises:
        ValueError: if a channel is not there.
        BadFileError: (a ValueError) if the pages may be no channels.
    """
    chosen = choose_channels(channels, header.channel_names, path=path)
    count = header.shape[0]
    if not header.unnamed_pages or chosen != (0,):
        return chosen
    if count > _FEW_PAGES:
        raise BadFileError(
            f"{path} has {count} pages and does not say whether they are channels, depths or times: if they "
            f"are channels, name them in dataset.json or save them along the channel axis (ImageJ: Image > "
            f"Properties), or choose others with --channels; of a stack export one plane or a projection"
        )
    if first_time("pages", Path(path).parent):
        logger.warning(
            "%s has %d pages and does not say what they are: they are taken for channels, of which number 0 "
            "is read (said once per folder)",
            path,
            count,
        )
    return chosen


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
        is_lossy=header.is_lossy,
    )
