"""TIFF pictures whose channels lie along several axes, such as cycles of four, as one stack of channels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from ...readers.tiff_metadata import channel_names_in, pixel_size_in

_PLAUSIBLE_UM = (0.01, 20.0)  # what is none was not told of a microscope


@dataclass(frozen=True)
class Hyperstack:
    """The channels of a file.

    Attributes:
        pixels: the channels: all of the first cycle, then all of the second, and so on.
        leading: lengths of the axes that hold them; () for one channel.
        channel_names: as the file names them; empty where it does not.
        pixel_size_um: edge of a pixel in micrometres, where the file tells it.

    Shapes:
        pixels: (C, H, W), type as stored.
    """

    pixels: np.ndarray
    leading: tuple[int, ...]
    channel_names: tuple[str, ...]
    pixel_size_um: float | None


def read_hyperstack(file: Path) -> Hyperstack:
    """Read a TIFF file, every axis but the last two as channels, whatever the file calls them.

    Args:
        file: the file. Beside what `common.readers` looks at, names and resolution (pixels a centimetre) are
            taken from the text in which Bio-Formats tells ImageJ what it found ("Name #1 = DAPI").

    Raises:
        ValueError: if it is no TIFF file, damaged, coloured, or its pixels are no numbers.
    """
    try:
        with tifffile.TiffFile(file) as tif:
            series = tif.series[0]
            array, axes = series.asarray(squeeze=False), series.get_axes(False)
            info = str((tif.imagej_metadata or {}).get("Info", "")) if tif.is_imagej else ""
            kept = [place for place, length in enumerate(array.shape) if length > 1 or axes[place] in "YX"]
            kept.sort(key=lambda place: "SYX".find(axes[place]))  # others first, in the file's order
            leading, shape = (tuple(array.shape[place] for place in part) for part in (kept[:-2], kept[-2:]))
            count = int(np.prod(leading, dtype=np.int64))
            names = _names_in(info, count) or channel_names_in(tif, count)
            size = pixel_size_in(tif) or _size_in(info)
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, OSError, RuntimeError) as error:
        raise ValueError(f"{file} cannot be read as TIFF ({error}): download it again") from None
    if "".join(axes[place] for place in kept) == "SYX":
        raise ValueError(
            f"{file} has {count} colours, no channels: give the file with all channels, which is no picture"
        )
    if array.dtype.kind not in "uif":
        raise ValueError(f"{file} has pixels of type {array.dtype}, not intensities: download it again")
    rest = [place for place in range(array.ndim) if place not in kept]
    return Hyperstack(array.transpose(*rest, *kept).reshape(count, *shape), leading, names, size)


def _names_in(info: str, count: int) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for number, name in re.findall(r"^\s*Name #(\d+)\s*=\s*(.+?)\s*$", info, re.MULTILINE):
        found.setdefault(int(number), name)
    names = tuple(found[number] for number in sorted(found))
    return names if len(names) == count and len(set(names)) == count else ()


def _size_in(info: str) -> float | None:
    told = re.search(r"^\s*XResolution\s*=\s*(\d+(?:\.\d+)?)\s*$", info, re.MULTILINE)
    size = round(1e4 / float(told[1]), 4) if told and float(told[1]) else 0.0
    return size if _PLAUSIBLE_UM[0] <= size <= _PLAUSIBLE_UM[1] else None
