"""Which outlines are regions that nuclei were drawn in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .pixel_runs import PixelRuns

__all__ = ["regions_among"]

_CONTAINED_SHARE, _REGION_RATIO = 0.9, 50


def regions_among(outlines: Sequence[np.ndarray], shape: tuple[int, int]) -> list[int]:
    """Tell which outlines are regions that nuclei were drawn in, and no nuclei.

    A region contains at least two other outlines (nine tenths of their pixels lie in it, and they are
    smaller), or one that is less than a fiftieth of its size: a fragment may lie on a large nucleus.

    Args:
        outlines: flat pixel indices of each, ascending.
        shape: height and width.

    Returns:
        Positions in the list, ascending.

    Example:
        >>> big, nucleus, other = np.arange(200), np.arange(3), np.arange(50, 53)
        >>> regions_among([nucleus, big, other], (1, 300)), regions_among([nucleus, other], (1, 300))
        ([1], [])
    """
    if isinstance(outlines, PixelRuns):
        runs = outlines
    else:
        runs = PixelRuns(shape)
        for pixels in outlines:
            runs.append(pixels)
    sizes = runs.sizes
    outer, inner, shared = runs.shared()
    contains = (sizes[inner] < sizes[outer]) & (shared >= _CONTAINED_SHARE * sizes[inner])
    outer, inner = outer[contains], inner[contains]
    several = np.bincount(outer, minlength=len(sizes)) > 1
    around_one = outer[sizes[outer] > _REGION_RATIO * sizes[inner]]
    return sorted({*np.flatnonzero(several).tolist(), *around_one.tolist()})
