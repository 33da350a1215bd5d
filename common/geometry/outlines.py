"""The outermost pixels of every nucleus of a label map."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Integer
from skimage.segmentation import find_boundaries


def outlines(label_map: Integer[np.ndarray, "h w"], *, closed: bool = False) -> Bool[np.ndarray, "h w"]:
    """Mark the pixels of nuclei that have another label above, below, left or right.

    Two touching nuclei have two lines side by side, each its own.

    Args:
        label_map: 0 = background.
        closed: count what lies beyond the image as background: a nucleus that is cut off gets a closed line.

    Shapes:
        label_map: (H, W), integers.
        returns: (H, W), bool.

    Example:
        >>> label_map = np.array([[1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 2]])
        >>> outlines(label_map).astype(int)
        array([[0, 0, 1, 1],
               [0, 0, 1, 1],
               [0, 0, 1, 1]])
        >>> outlines(label_map, closed=True).astype(int)
        array([[1, 1, 1, 1],
               [1, 0, 1, 1],
               [1, 1, 1, 1]])
    """
    if closed:
        return outlines(np.pad(label_map, 1))[1:-1, 1:-1]
    return find_boundaries(label_map, connectivity=1, mode="inner")
