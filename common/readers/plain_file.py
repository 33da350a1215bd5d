"""PNG, JPEG and BMP files: header and pixels, by Pillow, and by imagecodecs where Pillow would lose bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from .image_record import BadFileError, ImageHeader, complete_names, damage_in_one_sentence

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
# Pillow refuses large pictures as an attack; in microscopy they are the rule.
Image.MAX_IMAGE_PIXELS = 2**34
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}  # colour type -> channels without alpha


def probe_plain(path: Path, *, expand_palette: bool = True) -> ImageHeader:
    """Read the header of a PNG, JPEG or BMP file.

    Args:
        path: the file.
        expand_palette: count a picture with a colour table as its colours (not so for label maps).

    Raises:
        BadFileError: if it is truncated or of another format.
    """
    with damage_in_one_sentence(path, "a picture"):
        deep = _deep_png_channels(path)
        with Image.open(path) as picture:
            _check_whole(path, picture)
            mode = _mode(picture, expand_palette)
            count = deep or (3 if mode == "RGB" else 1)
            dtype = np.dtype(np.uint16) if deep or mode.startswith("I") else np.dtype(np.uint8)
            return ImageHeader(
                shape=(count, picture.height, picture.width),
                dtype=dtype,
                channel_names=complete_names((), count, is_rgb=count == 3),
                is_rgb=count == 3,
                is_lossy=picture.format == "JPEG",
            )


def read_plain(
    path: Path, channels: Sequence[int] | None = None, *, expand_palette: bool = True
) -> np.ndarray:
    """Read the pixels of a PNG, JPEG or BMP file as they are stored; alpha is dropped.

    Args:
        path: the file.
        channels: numbers of the channels to keep; None for all.
        expand_palette: look the colours of a picture with a colour table up (not so for label maps).

    Shapes:
        returns: (C, H, W), uint8 or uint16.

    Raises:
        BadFileError: if it is truncated or of another format.
    """
    with damage_in_one_sentence(path, "a picture"):
        deep = _deep_png_channels(path)
        if deep:
            array = imagecodecs.png_decode(path.read_bytes())
            array = array[..., :deep] if array.ndim == 3 else array[..., None]
        else:
            with Image.open(path) as picture:
                array = np.asarray(_converted(picture, expand_palette))
            array = array if array.ndim == 3 else array[..., None]
    pixels = array.transpose(2, 0, 1)
    if pixels.dtype == np.int32:  # how older versions of Pillow hold 16-bit grey
        pixels = pixels.astype(np.uint16)
    return np.ascontiguousarray(pixels if channels is None else pixels[list(channels)])


def _mode(picture: Image.Image, expand_palette: bool) -> str:
    """Name the Pillow mode that a picture is to be read in."""
    mode = picture.mode
    if mode.startswith("I") or mode in ("L", "RGB"):
        return mode
    if mode in ("P", "PA"):
        if not expand_palette:
            return "P"
        table = np.array(picture.getpalette("RGB") or [0]).reshape(-1, 3 if picture.palette else 1)
        return "L" if (table == table[:, :1]).all() else "RGB"
    return "L" if mode in ("1", "LA", "La") else "RGB"


def _converted(picture: Image.Image, expand_palette: bool) -> Image.Image | np.ndarray:
    if picture.mode == "1" and not expand_palette:
        return np.asarray(picture).astype(np.uint8)
    mode = _mode(picture, expand_palette)
    return picture if picture.mode == mode else picture.convert(mode)


def _deep_png_channels(path: Path) -> int:
    """Return the channels of a 16-bit PNG, which Pillow would squeeze into 8; 0 for any other."""
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or not start.startswith(_PNG_START) or start[24] != 16:
        return 0
    return _PNG_CHANNELS[start[25]]


def _check_whole(path: Path, picture: Image.Image) -> None:
    """Refuse a file whose end is missing, without decoding it where its format allows that."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        tail = file.read()
    if picture.format == "PNG" and b"IEND" not in tail:
        raise BadFileError(f"{path} is truncated (a PNG without its end mark): copy or export it again")
    if picture.format == "BMP" or (picture.format == "JPEG" and b"\xff\xd9" not in tail):
        picture.load()
