"""Stains of a section in optical density: light falls off exponentially with the amount of each stain."""

from __future__ import annotations

import numpy as np

METHODS = ("macenko", "vahadane")
# Red, green and blue density of haematoxylin and eosin, one a column, and their amounts in dark tissue: the
# reference of Macenko's published program.
REFERENCE_STAINS = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
REFERENCE_AMOUNTS = np.array([1.9705, 1.0308])
DARK_PERCENTILE = 99.0  # of a stain's amounts: what counts as the darkest
_TISSUE = 0.15  # density, averaged over the colours, of a pixel with tissue: pale eosin takes hardly any red
_MIN_PIXELS = 64  # with fewer, percentiles mean nothing
_MIN_ANGLE = 0.1  # radians, about 6 degrees: closer directions are one stain, or none
_MAX_PIXELS = 50_000  # enough to find two directions
_SPARSITY, _ROUNDS = 0.1, 60


def to_density(image: np.ndarray, *, white: float) -> np.ndarray:
    """Return the optical density, 0 where the image is white.

    A 255th of white is added to all intensities, so that black has a density too (5.5).

    Args:
        image: intensities of light.
        white: that of an empty slide.

    Shapes:
        image: (3, h, w), 0..white.
        returns: (3, h, w) float64, 0..5.55.
    """
    offset = white / 255
    density: np.ndarray = -np.log((np.clip(image, 0, white) + offset) / (white + offset))
    return density


def from_density(density: np.ndarray) -> np.ndarray:
    """Return the intensities of optical densities, in parts of white.

    Shapes:
        density: (3, h, w).
        returns: (3, h, w) float64, 0..1.

    Example:
        >>> image = np.random.default_rng(0).random((3, 4, 4))
        >>> bool(np.allclose(from_density(to_density(255 * image, white=255)), image))
        True
    """
    image: np.ndarray = np.clip((np.exp(-density) * 256 - 1) / 255, 0, 1)
    return image


def stain_directions(density: np.ndarray, *, method: str = "macenko") -> np.ndarray | None:
    """Return the two stains' directions in optical density, haematoxylin first; None where there are not two.

    "macenko": the extreme directions in the plane of the largest variance, but for 1 % at either end.
    "vahadane": two directions from which every pixel is mixed in amounts that are not negative and mostly of
    one stain (sparse), found by turns with the amounts, beginning with Macenko's.

    None for an empty slide, black tiles, grey pictures, and all that has no pixels with tissue.

    Args:
        density: optical densities.
        method: one of `METHODS`.

    Shapes:
        density: (3, h, w).
        returns: (3, 2), columns of length 1, not negative.

    References:
        Macenko et al., A method for normalizing histology slides for quantitative analysis, ISBI 2009.
        Vahadane et al., Structure-preserving color normalization and sparse stain separation for
        histological images, IEEE Transactions on Medical Imaging, 2016, Eq. 4.
    """
    if method not in METHODS:
        raise ValueError(f"stain method {method!r} is unknown: choose one of {', '.join(METHODS)}")
    pixels = density.reshape(3, -1)
    tissue = pixels[:, pixels.mean(axis=0) > _TISSUE]
    tissue = tissue[:, :: -(-tissue.shape[1] // _MAX_PIXELS) or 1]
    if tissue.shape[1] < _MIN_PIXELS:
        return None
    stains = _extremes(tissue)
    if stains is not None and method == "vahadane":
        stains = _sparse_factors(tissue, stains)
    if stains is None or np.arccos(np.clip(stains[:, 0] @ stains[:, 1], -1, 1)) < _MIN_ANGLE:
        return None
    # Haematoxylin is blue: for its density it takes away more red than eosin does.
    return stains if stains[0, 0] >= stains[0, 1] else stains[:, ::-1]


def stain_amounts(density: np.ndarray, stains: np.ndarray, *, sparsity: float = 0.0) -> np.ndarray:
    """Return the amounts, none negative, that mix two stains nearest to each pixel's density.

    With two stains the solution is one of four: both, either, or none.

    Args:
        density: optical densities.
        stains: directions of length 1, as `stain_directions` returns them.
        sparsity: weight of the sum of the amounts beside half the squared error.

    Shapes:
        density: (3, n).
        stains: (3, 2).
        returns: (2, n).
    """
    seen = stains.T @ density - sparsity
    overlap = float(stains[:, 0] @ stains[:, 1])
    both = (seen - overlap * seen[::-1]) / max(1 - overlap**2, 1e-9)
    alone = np.clip(seen, 0, None)
    # Where one of both would be negative, it is absent and the other stands alone.
    first, second = both
    amounts: np.ndarray = np.where(
        (first >= 0) & (second >= 0),
        both,
        np.where(first < 0, [np.zeros_like(first), alone[1]], [alone[0], np.zeros_like(second)]),
    )
    return np.where((seen <= 0).all(axis=0), 0, amounts)


def _extremes(tissue: np.ndarray) -> np.ndarray | None:
    """Return the directions at either end of the tissue's plane, (3, 2); None if it is a line or a point."""
    spread, axes = np.linalg.eigh(np.cov(tissue))
    if spread[1] < 1e-6:
        return None
    plane = axes[:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)
    along, across = plane.T @ tissue
    ends = np.percentile(np.arctan2(across, along), [1, 99])
    stains = np.clip(plane @ np.stack([np.cos(ends), np.sin(ends)]), 0, None)
    lengths = np.linalg.norm(stains, axis=0)
    return stains / lengths if lengths.all() else None


def _sparse_factors(tissue: np.ndarray, stains: np.ndarray) -> np.ndarray | None:
    """Return the directions of a sparse factorisation without negative numbers, (3, 2).

    Amounts and each direction are in turn the best for the others, so that no round makes it worse.
    """
    stains = stains.copy()
    for _ in range(_ROUNDS):
        before = stains.copy()
        amounts = stain_amounts(tissue, stains, sparsity=_SPARSITY)
        for one, other in ((0, 1), (1, 0)):
            rest = tissue - np.outer(stains[:, other], amounts[other])
            direction = np.clip(rest @ amounts[one], 0, None)
            length = np.linalg.norm(direction)
            if not length:
                return None
            stains[:, one] = direction / length
        if np.abs(stains - before).max() < 1e-5:
            break
    return stains
