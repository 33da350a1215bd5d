"""What an image needs of memory from its file to its label map, told by its header."""

from __future__ import annotations

from pathlib import Path

from ..devices import available_memory
from .image_record import ImageHeader

# Measured as the peak of whole runs of segmentation on images of 4 to 36 megapixels: 77 bytes a pixel with one
# channel (32-bit copies of the image, four maps and their sums over tiles, label map, overlay).
_BYTES_A_PIXEL, _BYTES_A_CHANNEL = 64, 13
_GIGABYTE = 1e9


def memory_needed(header: ImageHeader, *, channels: int) -> int:
    """Return about how many bytes it takes to read an image and to segment it in one piece.

    Args:
        header: of the image.
        channels: how many of its channels are read.
    """
    _, height, width = header.shape
    return height * width * (_BYTES_A_PIXEL + _BYTES_A_CHANNEL * channels)


def memory_fault(path: str | Path, header: ImageHeader, *, channels: int) -> str | None:
    """Say in one sentence that an image is too large for the memory there is, or nothing.

    Args:
        path: the image.
        header: its header.
        channels: how many of its channels are read.

    Returns:
        The sentence, with what to do; None where the image fits or the system does not tell its memory.
    """
    needed, available = memory_needed(header, channels=channels), available_memory()
    if available is None or needed <= available:
        return None
    _, height, width = header.shape
    return (
        f"{path} is {height:,} x {width:,} pixels: read whole and segmented it needs about "
        f"{needed / _GIGABYTE:,.1f} GB of memory, and {available / _GIGABYTE:,.1f} GB are available; cut it into "
        f"parts, or export a lower level of its pyramid (--scale does not help: it comes after the reading)"
    )
