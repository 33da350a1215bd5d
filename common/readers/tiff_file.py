"""TIFF, OME-TIFF, ImageJ, SVS and QPTIFF files: header and full-resolution pixels, by tifffile."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from .image_record import BadFileError, ImageHeader, complete_names, damage_in_one_sentence
from .tiff_metadata import channel_names_in, pixel_size_in

SUFFIXES = (".tif", ".tiff", ".svs", ".qptiff", ".ndpi", ".scn", ".bif", ".lsm", ".btf", ".tf2", ".tf8")
# C = channel, S = samples of a pixel, I = pages, Q = an axis that the file does not name.
_CHANNEL_AXES = "CSIQ"
# Compressions of the JPEG family; beyond 8 bits they are the lossless kind.
_JPEG = (6, 7, 33007, 34892)
# Colours that tifffile gives as they are stored; those of JPEG it turns into red, green and blue.
_OTHER_COLOURS = ("SEPARATED", "CIELAB", "ICCLAB", "ITULAB", "LOGLUV")
_REFUSED_AXES = {"Z": "Z (depth)", "T": "T (time)", "R": "T (time)"}


@dataclass(frozen=True)
class _Layout:
    """Where height, width and channels lie in the array that tifffile returns."""

    series: int  # how many equal series of one page make up the image; each is one channel
    shape: tuple[int, ...]  # the array's shape without axes of length 1
    order: tuple[int, ...]  # its transposition to (channels,) height, width
    count: int  # channels, without alpha
    is_rgb: bool
    palette: bool  # whether pixels are indices into a colour table
    unnamed: bool  # whether the file does not say that what counts as channels are channels


def probe_tiff(path: Path, *, expand_palette: bool = True) -> ImageHeader:
    """Read the header of a TIFF file.

    Args:
        path: the file.
        expand_palette: count a picture with a colour table as its three colours (not so for label maps).

    Raises:
        BadFileError: if it is truncated, no TIFF, has more than two dimensions besides channels, other
            colours than RGB, or several images; or is one of several files that are not all there.
    """
    with _opened(path) as tif:
        layout = _layout(tif, path)
        height, width = (layout.shape[axis] for axis in layout.order[-2:])
        expanded = layout.palette and expand_palette
        count = 3 if expanded else layout.count
        is_rgb = layout.is_rgb or expanded
        dtype = np.dtype(tif.series[0].dtype).newbyteorder("=")
        names = channel_names_in(tif, count)
        return ImageHeader(
            shape=(count, height, width),
            dtype=np.dtype(np.uint8) if dtype.kind == "b" or expanded else dtype,
            channel_names=complete_names(names, count, is_rgb=is_rgb),
            pixel_size_um=pixel_size_in(tif),
            is_rgb=is_rgb,
            unnamed_pages=layout.unnamed and not names,
            is_lossy=int(tif.series[0].keyframe.compression) in _JPEG and dtype.itemsize == 1,
        )


def read_tiff(
    path: Path, channels: Sequence[int] | None = None, *, expand_palette: bool = True
) -> np.ndarray:
    """Read the pixels of a TIFF file, of level 0 where it is a pyramid.

    Args:
        path: the file.
        channels: numbers of the channels to read; None for all. Only their pages are decoded.
        expand_palette: look the colours of a picture with a colour table up (not so for label maps).

    Shapes:
        returns: (C, H, W), type as stored.

    Raises:
        BadFileError: as `probe_tiff`, or if the pixels cannot be decoded.
    """
    with _opened(path) as tif:
        layout = _layout(tif, path)
        page = tif.series[0].keyframe
        pages = _pages_of_channels(tif, layout)
        if pages is not None:
            chosen = range(layout.count) if channels is None else channels
            pixels = np.stack(
                [np.squeeze(pages[number].asarray()).reshape(layout.shape[-2:]) for number in chosen]
            )
        else:
            array = tif.asarray(series=0, level=0, squeeze=False).reshape(layout.shape)
            pixels = array.transpose(layout.order)
            pixels = pixels.reshape(-1, *pixels.shape[-2:])[: layout.count]
        if layout.palette and expand_palette:
            pixels = _look_up(pixels[0], page.colormap)
        elif page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and expand_palette:
            pixels = _with_white_highest(pixels)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if pages is None and channels is not None:
        pixels = pixels[list(channels)]
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    with damage_in_one_sentence(path, "TIFF"), tifffile.TiffFile(path) as tif:
        _check_whole(tif, path)
        yield tif


def _check_whole(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file that ends before its pages do; tifffile alone would read the pages before the break."""
    size = tif.filehandle.size
    series = tif.series[0]
    if series.kind == "ome":
        _check_planes(tif, path)
    ends = [0] if series.dataoffset is None else [series.dataoffset + series.nbytes]
    for page in (tif.pages[0], tif.pages[-1]):
        ends += [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if max(ends) > size or (not tif.is_ndpi and _next_page_offset(tif) != 0):
        raise BadFileError(
            f"{path} is truncated (it has {size} bytes, its pages need more): copy or export it again"
        )


def _check_planes(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse an OME file of whose planes some are not there; tifffile reads them as zeros."""
    planes = list(tif.series[0].pages)
    lacking = sum(page is None for page in planes)
    if lacking and len(set(re.findall(r'FileName="([^"]+)"', tif.ome_metadata or ""))) > 1:
        raise BadFileError(
            f"{path} is one of several files of one image, of which some are missing: copy all of them into "
            f"its folder, or export it as one file"
        )
    if lacking:
        raise BadFileError(
            f"{path} lacks {lacking} of the {len(planes)} planes that it says it has: export it again"
        )


def _next_page_offset(tif: tifffile.TiffFile) -> int:
    """Return where the page after the last readable one should be: 0 in a whole file."""
    form, handle, start = tif.tiff, tif.filehandle, tif.pages[-1].offset
    handle.seek(start)
    (tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
    handle.seek(start + form.tagnosize + tags * form.tagsize)
    (offset,) = struct.unpack(form.offsetformat, handle.read(form.offsetsize))
    return int(offset)


def _layout(tif: tifffile.TiffFile, path: Path) -> _Layout:
    series = tif.series[0]
    page = series.keyframe
    _refuse_other_colours(page, path)
    _refuse_several_images(tif, path)
    axes, shape = series.get_axes(False), series.get_shape(False)
    kept = [(axis, length) for axis, length in zip(axes, shape, strict=True) if length > 1 or axis in "YX"]
    if len(kept) == 3 and kept[0][0] in "QI" and kept[2][1] <= 8 and min(kept[0][1], kept[1][1]) >= 16:
        # The file does not name its axes, and no image is 8 pixels wide: it was written channel last.
        kept = [("Y", kept[0][1]), ("X", kept[1][1]), ("C", kept[2][1])]
    names = "".join(axis for axis, _ in kept)
    for axis, length in kept:
        if axis not in "YX" + _CHANNEL_AXES:
            raise BadFileError(
                f"{path} has {length} planes along its {_REFUSED_AXES.get(axis, axis)} axis: export one "
                f"plane or a projection; if they are channels, save them along the channel axis "
                f"(ImageJ: Image > Properties)"
            )
    if names.count("Y") != 1 or names.count("X") != 1:
        raise BadFileError(
            f"{path} holds no two-dimensional image (its axes are {axes}): export it as height x width"
        )
    channel_axes = [(at, length) for at, (axis, length) in enumerate(kept) if axis in _CHANNEL_AXES]
    if len(channel_axes) > 1:
        product = " x ".join(str(length) for _, length in channel_axes)
        raise BadFileError(
            f"{path} has several channel axes ({product}, {names}): export it as channel x height x width"
        )
    order = tuple(at for at, _ in channel_axes) + (names.index("Y"), names.index("X"))
    count = channel_axes[0][1] if channel_axes else 1
    interleaved = names.endswith("S")
    if interleaved and page.extrasamples and int(page.extrasamples[-1]) in (1, 2):
        # The last sample is alpha. Not so of planes: tifffile tags the last of any four channels as alpha.
        count -= 1
    coloured = page.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
    equal = _equal_series(tif) if not channel_axes else 1
    unnamed = equal > 1 or any(kept[at][0] in "QI" for at, _ in channel_axes)
    palette = (
        page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None and not tif.is_imagej
    )
    return _Layout(
        series=equal,
        shape=tuple(length for _, length in kept),
        order=order,
        count=count * equal,
        is_rgb=coloured and interleaved and count == 3,
        palette=palette and count * equal == 1,
        unnamed=unnamed,
    )


def _refuse_other_colours(page: Any, path: Path) -> None:
    name = getattr(page.photometric, "name", "")
    if name in _OTHER_COLOURS:
        raise BadFileError(f"{path} has its colours as {name}: save it as RGB")


def _refuse_several_images(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file of several scenes, of which the first would be read; a smaller one is a thumbnail."""
    first = tif.series[0]
    same = sum(other.kind == first.kind == "ome" and other.shape == first.shape for other in tif.series)
    if same > 1:
        raise BadFileError(
            f"{path} holds {same} images of one size (scenes or positions), of which only the first would be "
            f"read: export each as a file of its own"
        )


def _equal_series(tif: tifffile.TiffFile) -> int:
    """Count the single-page images that one channel after another was written as."""
    first = tif.series[0]
    if first.kind != "shaped" or len(first.pages) != 1:
        return 1
    same = all(other.shape == first.shape and other.dtype == first.dtype for other in tif.series)
    return len(tif.series) if same else 1


def _pages_of_channels(tif: tifffile.TiffFile, layout: _Layout) -> list[Any] | None:
    """Return the page that holds each channel, or None where channels share pages."""
    if layout.series > 1:
        return [series.pages[0] for series in tif.series]
    pages = list(tif.series[0].pages)
    plane = tuple(layout.shape[axis] for axis in layout.order[-2:])
    one_each = len(pages) == layout.count > 1 and layout.order == (0, 1, 2)
    if not one_each or any(page is None or np.prod(page.keyframe.shape) != np.prod(plane) for page in pages):
        return None
    if any(page.parent is not tif for page in pages):
        return None  # they lie in other files as well, which tifffile opens for all pages together only
    return pages


def _with_white_highest(pixels: np.ndarray) -> np.ndarray:
    """Turn intensities whose 0 is white; signed and real numbers, whose black no one knows, stay."""
    if pixels.dtype.kind == "b":
        return ~pixels
    return np.iinfo(pixels.dtype).max - pixels if pixels.dtype.kind == "u" else pixels


def _look_up(indices: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    """Replace indices by their colours, 8 bit each (a TIFF colour table holds 16)."""
    return (colormap >> 8).astype(np.uint8)[:, indices]
