"""Smooth random fields and distances around nuclei, the raw material of every sample picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from ..geometry import outlines

__all__ = ["NucleusGeometry", "measure_geometry", "scatter_spots", "smooth_noise"]


def _spread_matrix(length: int, scale_px: float) -> sparse.csr_matrix:
    """Gaussian weights from a coarse grid to `length` pixels, every row of unit Euclidean length."""
    cells = max(int(round(length / scale_px)), 2)
    pitch = length / cells
    position = np.arange(length) / pitch
    first = np.floor(position).astype(np.int64)[:, None]
    column = first + np.arange(-2, 4)[None, :]
    weight = np.exp(-((position[:, None] - column) ** 2) / (2 * 0.6**2))
    weight /= np.sqrt((weight**2).sum(axis=1, keepdims=True))
    row = np.repeat(np.arange(length), column.shape[1])
    shape = (length, cells + 6)
    return sparse.csr_matrix((weight.ravel().astype(np.float32), (row, column.ravel() + 2)), shape=shape)


def smooth_noise(shape: tuple[int, int], rng: np.random.Generator, *, scale_px: float) -> np.ndarray:
    """Draw a smooth random field of mean 0 and variance 1, the features of which are about `scale_px` wide.

    White noise on a coarse grid is spread by Gaussian weights; rows of unit length keep the variance at 1
    without measuring it, so that a small crop has the same contrast as a large one.

    Args:
        shape: Height and width in pixels.
        rng: Source of randomness.
        scale_px: Pitch of the coarse grid in pixels, 2 or more.

    Shapes:
        returns: (H, W) float32

    Example:
        >>> field = smooth_noise((64, 64), np.random.default_rng(0), scale_px=8.0)
        >>> bool(abs(np.diff(field)).max() < 1.0)  # neighbours are alike
        True
    """
    down = _spread_matrix(shape[0], scale_px)
    across = _spread_matrix(shape[1], scale_px)
    coarse = rng.standard_normal((down.shape[1], across.shape[1]), dtype=np.float32)
    return np.ascontiguousarray((across @ np.ascontiguousarray((down @ coarse).T)).T)


def scatter_spots(
    shape: tuple[int, int], rng: np.random.Generator, *, per_px: float, size_px: float
) -> np.ndarray:
    """Draw round spots of height 0.4 to 1 at random places, such as chromocentres or nucleoli.

    Args:
        shape: Height and width in pixels.
        rng: Source of randomness.
        per_px: Expected number of spots in each pixel.
        size_px: Standard deviation of a spot in pixels.

    Shapes:
        returns: (H, W) float32 in [0, 1.2]
    """
    points = np.zeros(shape, np.float32)
    count = rng.poisson(per_px * shape[0] * shape[1])
    row, column = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    points[row, column] = rng.uniform(0.4, 1.0, count)
    spots = ndimage.gaussian_filter(points, size_px, truncate=3)
    return np.clip(spots * (2 * np.pi * size_px**2), 0, 1.2)


@dataclass(frozen=True)
class NucleusGeometry:
    """How far every pixel is from the outline of its nucleus.

    Attributes:
        depth_px: Distance to the own outline inside nuclei (1 at the outline itself), 0 outside.
        reach_px: Distance to the nearest nucleus outside, 0 inside.
        nearest: Label of the nearest nucleus; inside a nucleus its own.
        core_px: Largest depth of each nucleus, indexed by label; entry 0 is 1.
    """

    depth_px: np.ndarray
    reach_px: np.ndarray
    nearest: np.ndarray
    core_px: np.ndarray


def measure_geometry(label_map: np.ndarray) -> NucleusGeometry:
    """Measure depth, reach and nearest nucleus of every pixel with one distance transform.

    The distance to the nearest *outline pixel* serves inside and outside: whoever leaves a nucleus crosses
    its own outline first.

    Shapes:
        label_map: (H, W) integer
    """
    inside = label_map > 0
    count = int(label_map.max(initial=0))
    if count == 0:
        far = np.full(label_map.shape, 1e6, np.float32)
        nobody = np.zeros(label_map.shape, np.int32)
        return NucleusGeometry(np.zeros_like(far), far, nobody, np.ones(1, np.float32))
    outline = outlines(label_map)
    alone = np.setdiff1d(np.arange(1, count + 1), label_map[outline])
    if alone.size:  # a nucleus that fills the whole image has no outline
        outline = outline | np.isin(label_map, alone)
    distance, (row, column) = ndimage.distance_transform_edt(~outline, return_indices=True)
    distance = distance.astype(np.float32)
    depth = np.where(inside, distance + 1, 0).astype(np.float32)
    core = np.ones(count + 1, np.float32)
    np.maximum.at(core, label_map.ravel(), depth.ravel())
    nearest = label_map[row, column].astype(np.int32)
    return NucleusGeometry(depth, np.where(inside, 0, distance), nearest, core)
