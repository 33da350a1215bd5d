"""What is known of one image file: its header (read without the pixels) and its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RGB_NAMES = ("R", "G", "B")


class BadFileError(ValueError):
    """A file that cannot be used; the message is one sentence that names the file and the mend."""


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of its image before any pixel is read.

    Attributes:
        shape: channels, height, width.
        dtype: type of the pixels as stored.
        channel_names: one name per channel; a channel without a name is called by its number, "0", "1", ...
        pixel_size_um: edge of a pixel in micrometres, or None where the file does not say.
        is_rgb: whether the three channels are the red, green and blue of a colour picture.
        unnamed_pages: whether the channels are pages or planes of which the file does not say what they are:
            channels, depths or times.
        is_lossy: whether the pixels were compressed with loss (JPEG), so that values are not those saved.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    channel_names: tuple[str, ...]
    pixel_size_um: float | None = None
    is_rgb: bool = False
    unnamed_pages: bool = False
    is_lossy: bool = False


@dataclass(frozen=True)
class ImageFile:
    """One image with what its file says of it.

    Attributes:
        pixels: channels first, type as stored.
        channel_names: one name per channel that was read.
        pixel_size_um: edge of a pixel in micrometres, or None where the file does not say.
        is_rgb: whether the channels are the red, green and blue of a colour picture.

    Shapes:
        pixels: (C, H, W).
    """

    pixels: np.ndarray
    channel_names: tuple[str, ...]
    pixel_size_um: float | None = None
    is_rgb: bool = False


def complete_names(names: tuple[str, ...], count: int, *, is_rgb: bool = False) -> tuple[str, ...]:
    """Give every channel a name: its own, else R, G, B of a colour picture, else its number.

    Args:
        names: the names found in a file; too few, too many or empty ones are not trusted.
        count: number of channels.
        is_rgb: whether this is a colour picture.

    Example:
        >>> complete_names(("DAPI", ""), 2), complete_names((), 3, is_rgb=True)
        (('DAPI', '1'), ('R', 'G', 'B'))
    """
    if is_rgb:
        return RGB_NAMES
    if len(names) != count:
        names = ("",) * count
    return tuple(name.strip() or str(number) for number, name in enumerate(names))


@contextmanager
def damage_in_one_sentence(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence that names the file and the mend.

    The decoder's own error is quoted and not chained: the *root* cause is what a command line prints.

    Args:
        path: the file that is being read.
        kind: what it should be, such as "TIFF".

    Raises:
        BadFileError: instead of any error of a decoder.
    """
    try:
        yield
    except (BadFileError, FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadFileError(
            f"{path} cannot be read as {kind}: it is truncated, damaged or of another format ({said}); "
            f"copy or export the file again"
        ) from None
