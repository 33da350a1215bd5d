"""Raw label map -> clean one: each nucleus in one piece, none too small, holes filled, erosion given back."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..geometry import largest_pieces

CROSS = ndimage.generate_binary_structure(2, 1)


def clean_labels(labels: np.ndarray, *, min_area_px: int = 15, grow_px: int = 0) -> np.ndarray:
    """Keep the largest piece of each nucleus, fill holes, grow into the background, drop small nuclei.

    Args:
        labels: raw label map.
        min_area_px: nuclei that would have fewer pixels in the result are dropped; they take nothing from
            their neighbours' growth.
        grow_px: rounds of growth by one pixel (4-neighbours); nuclei never grow into each other.

    Shapes:
        labels: (h, w) integers, 0 = background.
        returns: (h, w) int32, 1..N.

    Example:
        >>> clean_labels(np.array([[1, 1, 0, 1], [1, 1, 0, 0]]), min_area_px=2).tolist()
        [[1, 1, 0, 0], [1, 1, 0, 0]]
        >>> clean_labels(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]), min_area_px=5, grow_px=1).tolist()
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    """
    clean = fill_holes(largest_pieces(labels)[0])
    grown = grow(clean, grow_px)
    kept = np.bincount(grown.ravel()) >= min_area_px
    kept[0] = False
    if kept[1:].all():
        return grown
    number = np.where(kept, np.cumsum(kept), 0).astype(clean.dtype)
    return grow(number[clean], grow_px)


def grow(labels: np.ndarray, rounds: int) -> np.ndarray:
    """Let nuclei grow into the background by one pixel (4-neighbours) a round.

    Args:
        labels: label map; where two nuclei reach a pixel in the same round, the higher label has it.
        rounds: how often, 0 or more.

    Shapes:
        labels: (h, w), integers.
        returns: (h, w), same type.

    Example:
        >>> grow(np.array([[1, 0, 0, 0, 0, 2]]), 1).tolist()
        [[1, 1, 0, 0, 2, 2]]
    """
    for _ in range(rounds):
        labels = np.where(labels == 0, highest_neighbour(labels), labels)
    return labels


def highest_neighbour(labels: np.ndarray) -> np.ndarray:
    """Return the highest label among every pixel and its 4 neighbours.

    Args:
        labels: label map.

    Shapes:
        labels: (h, w), integers.
        returns: (h, w), same type.

    Example:
        >>> highest_neighbour(np.array([[0, 0, 7], [0, 0, 0], [2, 0, 0]])).tolist()
        [[0, 7, 7], [2, 0, 7], [2, 2, 0]]
    """
    highest = labels.copy()
    for axis in (0, 1):
        old, new = np.swapaxes(labels, 0, axis), np.swapaxes(highest, 0, axis)  # views
        np.maximum(new[1:], old[:-1], out=new[1:])
        np.maximum(new[:-1], old[1:], out=new[:-1])
    return highest


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
    enclosed = np.ones(count + 1, bool)
    enclosed[0] = False
    for edge in (background[0], background[-1], background[:, 0], background[:, -1]):
        enclosed[edge] = False
    if not enclosed.any():
        return labels
    # Only pixels of enclosed pieces are looked at; none lies on the image's edge: all have four neighbours.
    rows, columns = np.nonzero(enclosed[background])
    piece = background[rows, columns]
    around = np.stack(
        [
            labels[rows - 1, columns],
            labels[rows + 1, columns],
            labels[rows, columns - 1],
            labels[rows, columns + 1],
        ]
    )
    # The lowest and the highest label that touch each piece: equal means one owner all around.
    pieces = np.arange(count + 1)
    beyond = np.iinfo(labels.dtype).max
    low = ndimage.minimum(np.where(around == 0, beyond, around).min(axis=0), piece, pieces)
    top = ndimage.maximum(around.max(axis=0), piece, pieces)
    owner = np.where(low == top, top, 0).astype(labels.dtype)
    filled = labels.copy()
    filled[rows, columns] = owner[piece]
    return filled
