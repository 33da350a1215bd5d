"""How large the nuclei of a label map are, in one number that errors of a segmentation hardly move."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["typical_diameter"]

# What is smaller than a tenth of the nucleus in the middle is dirt, or a piece of one.
_SPECK = 0.1


def typical_diameter(label_map: np.ndarray) -> tuple[int, float]:
    """Measure the median diameter of the whole nuclei of a label map: that of the circle of equal area.

    Nuclei that touch the image's edge are left out, for they may be cut, and so are specks: what has less
    than a tenth of the area of the nucleus in the middle, half of all area being in smaller ones. That one is
    a nucleus however many specks there are.

    Args:
        label_map: 0 = background, i = nucleus i.

    Shapes:
        label_map: (h, w), integers of at least 0.

    Returns:
        How many nuclei were measured, and their diameter in pixels, NaN where there is none.

    Example:
        >>> label_map = np.zeros((40, 40), int)
        >>> label_map[5:15, 5:15], label_map[20:30, 20:30], label_map[2, 2], label_map[35:, :9] = 1, 2, 3, 4
        >>> count, diameter = typical_diameter(label_map)
        >>> count, round(diameter, 2)
        (2, 11.28)
    """
    labels = np.asarray(label_map)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        areas[edge] = 0
    areas = np.sort(areas[areas > 0])
    if not len(areas):
        return 0, math.nan
    middle = areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)]
    kept = areas[areas >= _SPECK * middle]
    return len(kept), 2 * math.sqrt(float(np.median(kept)) / math.pi)
