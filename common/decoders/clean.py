"""Raw label map -> clean one: one connected piece a nucleus, none too small, holes filled, erosion given back."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import relabel_sequential

CROSS = ndimage.generate_binary_structure(2, 1)


def clean_labels(labels: np.ndarray, *, min_area_px: int = 15, grow_px: int = 0) -> np.ndarray:
    """Keep the largest piece of each nucleus, drop small ones, fill holes, grow into the background.

    Args:
        labels: raw label map.
        min_area_px: nuclei of fewer pixels are dropped, before growing.
        grow_px: rounds of growth by one pixel (4-neighbours); nuclei never grow into each other.

    Shapes:
        labels: (h, w) integers, 0 = background.
        returns: (h, w) int32, 1..N.

    Example:
        >>> clean_labels(np.array([[1, 1, 0, 1], [1, 1, 0, 0]]), min_area_px=2).tolist()
        [[1, 1, 0, 0], [1, 1, 0, 0]]
    """
    pieces = label(labels, connectivity=1, background=0)
    areas = np.bincount(pieces.ravel())
    owner = np.zeros(len(areas), np.int64)
    owner[pieces.ravel()] = labels.ravel()
    by_size = np.lexsort((areas, owner))  # pieces of one nucleus in a row, the largest last
    largest = np.append(np.diff(owner[by_size]) != 0, True)
    keep = np.zeros(len(areas), bool)
    keep[by_size[largest]] = True
    keep &= areas >= min_area_px
    keep[0] = False
    clean = np.where(keep, owner, 0)[pieces].astype(np.int32)
    clean = fill_holes(clean)
    for _ in range(grow_px):
        grown = ndimage.maximum_filter(clean, footprint=CROSS)
        clean = np.where(clean == 0, grown, clean)
    return relabel_sequential(clean)[0].astype(np.int32)  # type: ignore[no-any-return]


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Fill background that one nucleus encloses. Gaps between several nuclei stay.

    Args:
        labels: label map.

    Shapes:
        labels: (h, w) integers.
        returns: (h, w), same type.

    Example:
        >>> fill_holes(np.array([[3, 3, 3], [3, 0, 3], [3, 3, 3]]))[1, 1].item()
        3
    """
    background, count = ndimage.label(labels == 0, structure=CROSS)
    if count <= 1:
        return labels
    # The smallest and the largest label that touch each piece of background: equal means one owner all around.
    big = ndimage.maximum_filter(labels, footprint=CROSS)
    beyond = np.iinfo(labels.dtype).max
    small = ndimage.minimum_filter(np.where(labels == 0, beyond, labels), footprint=CROSS)
    where = labels == 0
    piece = background[where]
    top = np.zeros(count + 1, labels.dtype)
    low = np.full(count + 1, beyond, labels.dtype)
    np.maximum.at(top, piece, big[where])
    np.minimum.at(low, piece, small[where])
    edge = np.unique(np.concatenate([background[0], background[-1], background[:, 0], background[:, -1]]))
    hole = (top == low) & (top > 0)
    hole[edge] = False
    filled = labels.copy()
    filled[where] = np.where(hole, top, 0)[piece]
    return filled
