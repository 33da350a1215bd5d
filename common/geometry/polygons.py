"""Outlines that people drew, polygons and ellipses, become the pixels inside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from skimage.draw import polygon

_ELLIPSE_CORNERS = 180  # a polygon of so many corners covers all but 0.02 % of its ellipse


def outline_pixels(corners: Sequence[Sequence[Any]] | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie inside a polygon.

    Args:
        corners: x before y, in pixels, with the corner of the first pixel at 0, 0; closed or not.
        shape: height and width; what lies outside is cut off.

    Shapes:
        corners: (N, 2 or more).
        returns: (M,), flat indices row * width + column.

    Example:
        >>> outline_pixels([[1, 0], [3, 0], [3, 1], [1, 1]], (2, 4)).tolist()
        [1, 2]
    """
    points = np.asarray([point[:2] for point in corners], dtype=float)
    rows, columns = polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, shape)
    return rows.astype(np.int64) * shape[1] + columns


def ellipse_corners(box: Sequence[Sequence[Any]] | np.ndarray) -> np.ndarray:
    """Return a polygon that follows the ellipse in a rectangle, turned or not.

    Args:
        box: the four corners of the rectangle, one after the other, or two opposite ones of an upright one.

    Shapes:
        box: (4 or 2, 2).
        returns: (N, 2).

    Raises:
        ValueError: if there are neither four corners nor two.

    Example:
        >>> circle = ellipse_corners([[0, 0], [2, 0], [2, 2], [0, 2]])
        >>> bool(np.allclose(np.hypot(*(circle - 1).T), 1))
        True
    """
    corners = np.asarray(box, dtype=float)
    if corners.shape == (2, 2):
        (left, top), (right, bottom) = corners
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if corners.shape != (4, 2):
        raise ValueError(f"an ellipse has the four corners of its rectangle, not {len(corners)}")
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, None]
    across, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    return corners.mean(axis=0) + np.cos(angles) * across + np.sin(angles) * down
