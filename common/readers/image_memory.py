"""What an image needs of memory from its file to its label map, told by its header."""

from __future__ import annotations

from pathlib import Path

from ..devices import available_memory
from .image_record import ImageHeader

# Peaks of whole runs of segmentation on images of 4, 16 and 36 megapixels were 1.6, 2.0 and 3.5 GB with one
# channel of 8 bits, 1.8, 2.4 and 3.8 GB with three: 72 to 77 bytes a pixel, most of them for maps, their sums
# over tiles, label map and overlay, the rest for the image as stored and as 32-bit numbers.
_BYTES_A_PIXEL, _BYTES_A_COPY = 72, 4
_GIGABYTE = 1e9
_ALWAYS_THERE = 0.5e9  # less than the program itself takes: the system is not asked


def memory_needed(header: ImageHeader, *, channels: int) -> int:
    """Return about how many bytes it takes to read an image and to segment it in one piece.

    Args:
        header: of the image.
        channels: how many of its channels are read.
    """
    _, height, width = header.shape
    return height * width * (_BYTES_A_PIXEL + (_BYTES_A_COPY + header.dtype.itemsize) * channels)


def fitting_pixels(pixels: int, *, channels: int) -> int:
    """Return how many pixels can be segmented in one piece in the memory that is available now.

    Args:
        pixels: how many are wanted, of an image of 32-bit numbers.
        channels: of the image.

    Returns:
        As many as are wanted where they fit or the system does not tell its memory; else what fits.
    """
    each = _BYTES_A_PIXEL + 2 * _BYTES_A_COPY * channels
    available = available_memory() if pixels * each > _ALWAYS_THERE else None
    return pixels if available is None else min(pixels, available // each)


def memory_fault(path: str | Path, header: ImageHeader, *, channels: int) -> str | None:
    """Say in one sentence that an image is too large for the memory there is, or nothing.

    Args:
        path: the image.
        header: its header.
        channels: how many of its channels are read.

    Returns:
        The sentence, with what to do; None where the image fits or the system does not tell its memory.
    """
    needed = memory_needed(header, channels=channels)
    available = available_memory() if needed > _ALWAYS_THERE else None
    if available is None or needed <= available:
        return None
    _, height, width = header.shape
    return (
        f"{path} is {height:,} x {width:,} pixels: read whole and segmented it needs about "
        f"{needed / _GIGABYTE:,.1f} GB of memory, and {available / _GIGABYTE:,.1f} GB are available; cut it "
        f"into parts, or export a lower level of its pyramid (--scale does not help: the image is read first)"
    )
