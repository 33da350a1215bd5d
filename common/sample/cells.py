"""Sample pictures of whole cells: nuclei, membranes and cytoplasm, and the label maps of nuclei and cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import largest_pieces
from .fields import measure_geometry, smooth_noise
from .fluorescence import camera, dapi_light, through_optics
from .shapes import MIN_AREA_PX, draw_between

__all__ = ["cell_channel_names", "make_cells"]

CELL_CHANNELS = ("DAPI", "membrane", "cytoplasm")
OUT_OF_PLANE = 0.08  # share of the cells that the section cuts beside their nucleus


def cell_channel_names(channels: int | None = None) -> list[str]:
    """Name the channels of a picture of cells, and check that it can have that many.

    Raises:
        ValueError: if `channels` is neither 2 nor 3.

    Example:
        >>> cell_channel_names(2)
        ['DAPI', 'membrane']
    """
    count = len(CELL_CHANNELS) if channels is None else channels
    if not 2 <= count <= len(CELL_CHANNELS):
        raise ValueError(
            f"channels {channels} does not fit modality 'cells': use 2 (DAPI, membrane) or 3 (and cytoplasm)"
        )
    return list(CELL_CHANNELS[:count])


def make_cells(
    shape: tuple[int, int] = (256, 256),
    *,
    seed: int | Sequence[int],
    channels: int | None = None,
    radius_px: float | None = None,
    density: float | None = None,
    clustering: float | None = None,
    elongation: float | None = None,
    dtype: type[np.generic] = np.uint16,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one picture of crowded cells, the label map of their nuclei and that of the cells.

    Cells touch along long borders. A nucleus lies inside its cell, beside its middle, and may touch its
    border. Of some cells (8 %) no nucleus is to be seen, because it lies out of the plane.

    Args:
        shape: height and width in pixels.
        seed: one number of 0 or more, or several that together are the seed.
        channels: 3 (DAPI, membrane, cytoplasm), or 2 without cytoplasm.
        radius_px: typical radius of a cell, 12 to 16 by default.
        density: share of the pixels in cells, 0.5 to 0.7 by default.
        clustering: share of the cells in touching groups, 0.7 to 0.95 by default.
        elongation: typical ratio of the axes, 1.1 to 1.6 by default.
        dtype: numpy.uint8, or numpy.uint16 for a 12-bit camera.

    Shapes:
        image: (channels, H, W) of dtype
        nuclei: (H, W) int32, 0 = background, 1..N without gaps
        cells: (H, W) int32; cell i is that of nucleus i and covers it, cells N + 1..M have no nucleus

    Raises:
        ValueError: if an option lies outside its range.

    Example:
        >>> image, nuclei, cells = make_cells((96, 96), seed=1)
        >>> bool((cells[nuclei > 0] == nuclei[nuclei > 0]).all()), bool(cells.max() > 0)
        (True, True)
    """
    names = cell_channel_names(channels)
    rng = np.random.default_rng(seed)
    given = {"radius_px": radius_px, "density": density, "clustering": clustering, "elongation": elongation}
    cells = draw_between(shape, (12.0, 0.5, 0.7, 1.1), (16.0, 0.7, 0.95, 1.6), rng=rng, **given)
    nuclei, cells = _numbered_alike(_nuclei_of(cells, rng), cells)
    return _picture(nuclei, cells, rng, names, np.dtype(dtype)), nuclei, cells


def _nuclei_of(cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the nucleus of each cell, numbered as the cell: its deeper part, moved to one side."""
    geometry, count = measure_geometry(cells), int(cells.max(initial=0))
    share = rng.uniform(0.3, 0.55, count + 1)  # of the cell's depth that is cytoplasm
    angle, shift = rng.uniform(0, 2 * np.pi, count + 1), rng.uniform(0, 0.3, count + 1)
    aside = np.stack([np.cos(angle), np.sin(angle)]) * shift
    areas = np.maximum(np.bincount(cells.ravel(), minlength=count + 1), 1)
    places = np.indices(cells.shape).reshape(2, -1)
    centres = np.stack([np.bincount(cells.ravel(), place, count + 1) / areas for place in places])
    away = places.reshape(2, *cells.shape) - centres[:, cells]
    depth = geometry.depth_px + (away * aside[:, cells]).sum(axis=0)
    depth += 0.8 * smooth_noise(cells.shape, rng, scale_px=6.0)
    deep = (depth > (share * geometry.core_px)[cells]) & (geometry.depth_px > 1) & (cells > 0)
    nuclei = np.where(deep, cells, 0)
    nuclei[(rng.random(count + 1) < OUT_OF_PLANE)[cells]] = 0
    whole, ids = largest_pieces(nuclei, min_area_px=MIN_AREA_PX)
    numbers = np.concatenate([[0], ids]).astype(np.int32)
    return numbers[whole]


def _numbered_alike(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number nuclei 1..N, their cells alike, and cells without a nucleus from N + 1."""
    there = np.unique(nuclei[nuclei > 0])
    rest = np.setdiff1d(np.unique(cells[cells > 0]), there)
    number = np.zeros(int(cells.max(initial=0)) + 1, np.int32)
    number[np.concatenate([there, rest]).astype(np.intp)] = np.arange(1, len(there) + len(rest) + 1)
    return number[nuclei], number[cells]


def _picture(
    nuclei: np.ndarray, cells: np.ndarray, rng: np.random.Generator, names: Sequence[str], dtype: np.dtype
) -> np.ndarray:
    """Picture cells as a camera would: DNA, membranes where cells end, cytoplasm between the two."""
    geometry = measure_geometry(cells)
    light = {"DAPI": dapi_light(nuclei, measure_geometry(nuclei), rng)}
    level = np.exp(0.25 * rng.standard_normal(int(cells.max(initial=0)) + 1, np.float32))
    level[0] = 0
    for name in ("membrane", "cytoplasm"):
        grain = np.exp(0.25 * smooth_noise(cells.shape, rng, scale_px=2.5))
        if name == "membrane":
            place = np.exp(-(((geometry.depth_px - 1) / 1.3) ** 2)) + 0.1
        else:
            place = np.where(nuclei > 0, np.float32(0.25), np.float32(1.0))
        light[name] = (level[cells] * place * grain).astype(np.float32)
    picture = np.empty((len(names), *cells.shape), dtype)
    for channel, name in enumerate(names):
        seen = through_optics(light[name], rng, blur_px=rng.uniform(0.8, 1.3), haze=rng.uniform(0.05, 0.3))
        picture[channel] = camera(seen, rng, dtype, peak=rng.uniform(0.2, 0.45), photons=rng.uniform(60, 250))
    return picture
