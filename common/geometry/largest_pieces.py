"""A label map in which a nucleus may lie in pieces -> one in which each is whole."""

from __future__ import annotations

import numpy as np
from skimage.measure import label


def largest_pieces(
    label_map: np.ndarray, *, connectivity: int = 1, min_area_px: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the largest piece of each nucleus and number those left 1 to N, in the order of their labels.

    Args:
        label_map: 0 = background.
        connectivity: 1 if pixels touch at edges alone, 2 if at corners too.
        min_area_px: largest pieces of fewer pixels are dropped.

    Shapes:
        label_map: (H, W), integers.
        returns: (H, W) int32, and the label that each of the N nuclei had, (N,).

    Example:
        >>> scattered = np.array([[7, 7, 0, 4], [7, 0, 7, 4], [0, 2, 0, 4]])
        >>> whole, label_of = largest_pieces(scattered, min_area_px=2)
        >>> whole.tolist(), label_of.tolist()
        ([[2, 2, 0, 1], [2, 0, 0, 1], [0, 0, 0, 1]], [4, 7])
    """
    pieces = label(label_map, connectivity=connectivity, background=0)
    areas = np.bincount(pieces.ravel())
    owner = np.zeros(len(areas), np.int64)
    owner[pieces.ravel()] = label_map.ravel()
    by_size = np.lexsort((areas, owner))  # the pieces of one nucleus in a row, the largest last
    kept = by_size[np.append(np.diff(owner[by_size]) != 0, True)]
    kept = kept[(owner[kept] > 0) & (areas[kept] >= min_area_px)]
    number = np.zeros(len(areas), np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return number[pieces], owner[kept]
