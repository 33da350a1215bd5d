"""Sample whole slides: tiled pyramids, written tile by tile from one field that repeats without a seam."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from .image import channel_names, render
from .shapes import draw_label_map
from .writing import PIXEL_SIZE_UM

__all__ = ["write_slide"]

MOST_LEVELS = 6
FADE_PX = 32


@dataclass(frozen=True)
class _Field:
    """One picture and its label map, both of which continue across opposite edges."""

    image: np.ndarray
    label_map: np.ndarray
    shift: np.ndarray  # which neighbouring copy the nucleus of a pixel belongs to, rows and columns


def write_slide(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, int] = (8192, 8192),
    modality: str = "fluorescence",
    seed: int = 0,
    tile: int = 512,
    channels: int | None = None,
    field_px: int = 1024,
    label_path: str | os.PathLike[str] | None = None,
    compression: str = "zlib",
) -> int:
    """Write a slide as a tiled, compressed TIFF with its pyramid in SubIFDs, and count its nuclei.

    One field of `field_px` is drawn, the nuclei of which leave at one edge and enter at the opposite one, and
    is repeated; so memory does not grow with the slide (apart from one number a nucleus), and no nucleus is
    cut except at the slide's own edges. Fluorescence and multiplex slides are OME-TIFF with channel names.

    Args:
        path: The file to write; must end in .tif or .tiff.
        shape: Height and width of the full-size level in pixels.
        modality: "fluorescence", "multiplex" or "he".
        seed: Seed of the field.
        tile: Side of a tile in pixels, a multiple of 16.
        channels: Number of channels of a multiplex slide.
        field_px: Side of the repeated field in pixels, a multiple of 64.
        label_path: Where to write the label map as well (uint32, tiled, full size; nuclei 1..N).
        compression: Name of a TIFF compression that tifffile knows.

    Returns:
        The number of nuclei, those cut by the slide's edges included.

    Raises:
        ValueError: If an option is outside its range.
    """
    names = channel_names(modality, channels)
    if tile < 16 or tile % 16:
        raise ValueError(f"tile {tile} must be a multiple of 16, as TIFF demands")
    if field_px < 192 or field_px % 64:
        raise ValueError(f"field_px {field_px} must be a multiple of 64, and 192 or more")
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"shape {tuple(shape)} must be a height and a width of at least 1 pixel")
    field = _make_field(field_px, modality, len(names), seed)
    with _whole(path) as unfinished:
        _write_pyramid(unfinished, field.image, shape, modality, names, tile, compression)
    numbering = _Numbering(field, shape)
    if label_path is None:
        for _ in numbering.tiles(tile):
            pass
    else:
        with _whole(label_path) as unfinished:
            tifffile.imwrite(
                unfinished,
                numbering.tiles(tile),
                shape=shape,
                dtype=np.uint32,
                tile=(tile, tile),
                compression="zlib",
                bigtiff=_big(shape, 4),
                metadata=None,
            )
    return numbering.count


@contextmanager
def _whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name to write under; rename it to `path` at the end, or remove it after an error."""
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _big(shape: tuple[int, int], bytes_per_pixel: int) -> bool:
    """Whether a file may outgrow the 4 GiB of plain TIFF (the pyramid adds a third)."""
    return shape[0] * shape[1] * bytes_per_pixel > 2.5 * 2**30


def _make_field(side: int, modality: str, channels: int, seed: int) -> _Field:
    """Draw nuclei on a torus, picture them with a margin, and fade opposite margins into one another."""
    rng = np.random.default_rng(seed)
    label_map = draw_label_map((side, side), rng=rng, clustering=0.75, elongation=1.4, wrap=True)
    image = render(np.pad(label_map, FADE_PX, mode="wrap"), modality, rng=rng, channels=channels)
    folded = _fold(_fold(image.astype(np.float32), 1), 2)
    shift = np.zeros((2, side, side), np.int8)
    for axis in (0, 1):
        first, last = np.take(label_map, 0, axis), np.take(label_map, -1, axis)
        wraps = np.zeros(int(label_map.max(initial=0)) + 1, bool)
        wraps[np.intersect1d(first, last)] = True
        wraps[0] = False
        low_half = np.arange(side) < side // 2  # this part of such a nucleus belongs to the copy before
        before = wraps[label_map] & np.expand_dims(low_half, 1 - axis)
        shift[axis] = -before.astype(np.int8)
    return _Field(np.round(folded).astype(image.dtype), label_map, shift)


def _fold(image: np.ndarray, axis: int) -> np.ndarray:
    """Cut the margins off one axis, blending each into the opposite side, so that copies join smoothly."""
    image = np.moveaxis(image, axis, 0)
    side = len(image) - 2 * FADE_PX
    own = image[FADE_PX:-FADE_PX].copy()
    weight = 0.5 + 0.5 * (np.arange(FADE_PX, dtype=np.float32) + 0.5) / FADE_PX
    weight = weight.reshape(-1, *[1] * (image.ndim - 1))
    own[:FADE_PX] = weight * own[:FADE_PX] + (1 - weight) * image[side + FADE_PX :]
    own[-FADE_PX:] = weight[::-1] * own[-FADE_PX:] + (1 - weight[::-1]) * image[:FADE_PX]
    return np.moveaxis(own, 0, axis)


def _write_pyramid(
    path: Path,
    field: np.ndarray,
    shape: tuple[int, int],
    modality: str,
    names: list[str],
    tile: int,
    compression: str,
) -> None:
    """Write all levels; each is half as large as the one before, down to about one tile."""
    levels = 1
    while levels < MOST_LEVELS and max(shape) >> (levels - 1) > tile:
        levels += 1
    colour = modality == "he"
    size_um = PIXEL_SIZE_UM[modality]
    options: dict[str, Any] = {
        "dtype": field.dtype,
        "tile": (tile, tile),
        "compression": compression,
        "predictor": compression.lower() in ("zlib", "lzw", "zstd", "adobe_deflate"),
        "photometric": "rgb" if colour else "minisblack",
        "resolutionunit": "CENTIMETER",
    }
    metadata = None
    if not colour:
        metadata = {
            "axes": "CYX",
            "Channel": {"Name": names},
            "PhysicalSizeX": size_um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": size_um,
            "PhysicalSizeYUnit": "µm",
        }
    big = _big(shape, field.shape[0] * field.dtype.itemsize)
    with tifffile.TiffWriter(path, bigtiff=big, ome=not colour) as writer:
        for level in range(levels):
            height, width = max(shape[0] >> level, 1), max(shape[1] >> level, 1)
            per_cm = 1e4 / (size_um * 2**level)
            writer.write(
                _image_tiles(field, (height, width), tile, colour),
                shape=(height, width, 3) if colour else (len(field), height, width),
                resolution=(per_cm, per_cm),
                **options,
                **({"subifds": levels - 1, "metadata": metadata} if level == 0 else {"subfiletype": 1}),
            )
            field = _halve(field)


def _halve(field: np.ndarray) -> np.ndarray:
    """Average blocks of 2x2 pixels."""
    channels, height, width = field.shape
    blocks = field.reshape(channels, height // 2, 2, width // 2, 2)
    return np.round(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(field.dtype)


def _image_tiles(field: np.ndarray, shape: tuple[int, int], tile: int, colour: bool) -> Iterator[np.ndarray]:
    """Repeat the field over a level, one tile at a time, in the order in which TIFF stores them."""
    for planes in [field] if colour else field[:, None]:
        for top in range(0, shape[0], tile):
            strip = planes.take(np.arange(top, top + tile) % field.shape[1], axis=1)
            for left in range(0, shape[1], tile):
                block = strip.take(np.arange(left, left + tile) % field.shape[2], axis=2)
                yield np.ascontiguousarray(block.transpose(1, 2, 0)) if colour else block[0]


class _Numbering:
    """Numbers the nuclei of the repeated field 1..N over the slide, in the order in which tiles meet them."""

    def __init__(self, field: _Field, shape: tuple[int, int]) -> None:
        """Prepare for a slide of `shape`."""
        self.field = field
        self.shape = shape
        self.side = len(field.label_map)
        self.per_copy = int(field.label_map.max(initial=0)) + 1
        self.across = -(-shape[1] // self.side) + 1
        copies = (-(-shape[0] // self.side) + 1) * self.across
        self.number = np.zeros(copies * self.per_copy, np.uint32)
        self.count = 0

    def tiles(self, tile: int) -> Iterator[np.ndarray]:
        """Give the tiles of the label map, row by row; past the slide's edges they are 0."""
        for top in range(0, self.shape[0], tile):
            for left in range(0, self.shape[1], tile):
                block = np.zeros((tile, tile), np.uint32)
                row = np.arange(top, min(top + tile, self.shape[0]))[:, None]
                column = np.arange(left, min(left + tile, self.shape[1]))[None, :]
                block[: row.size, : column.size] = self._numbers(row, column)
                yield block

    def _numbers(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        place = (row % self.side, column % self.side)
        local = self.field.label_map[place]
        # Copies are counted from 1: a nucleus that enters at the slide's first row belongs to copy 0.
        down = row // self.side + 1 + self.field.shift[0][place]
        right = column // self.side + 1 + self.field.shift[1][place]
        index = (down * self.across + right) * self.per_copy + local
        inside = local > 0
        seen = index[inside]
        fresh = np.unique(seen[self.number[seen] == 0])
        self.number[fresh] = np.arange(self.count + 1, self.count + 1 + len(fresh))
        self.count += len(fresh)
        return np.where(inside, self.number[index], 0)
