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


def outline_runs(
    rings: Sequence[Sequence[Sequence[Any]] | np.ndarray], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the runs of pixels whose centres lie inside an uneven number of polygons.

    For what is large: the work is that of the edges, not of the pixels. A centre on an edge may be inside
    or outside.

    Args:
        rings: polygons, as `outline_pixels` has them; a hole is one inside another.
        shape: height and width; what lies outside is cut off.

    Shapes:
        rings: (N, 2 or more) each.
        returns: (M,) each, rows in ascending order, the first column of each run, and the column after its
            last.

    Example:
        >>> [each.tolist() for each in outline_runs([[[1, 0], [3, 0], [3, 2], [1, 2]]], (2, 4))]
        [[0, 1], [1, 1], [3, 3]]
    """
    rows, columns = [np.empty(0, np.int64)], [np.empty(0)]
    for ring in rings:
        x, y = np.asarray([point[:2] for point in ring], dtype=float).T - 0.5
        (x0, x1), (y0, y1) = ((each, np.roll(each, -1)) for each in (x, y))
        # Each edge crosses the centres of the rows from its upper end to just before its lower one.
        first, past = (np.clip(np.ceil(each), 0, shape[0]).astype(np.int64) for each in _ordered(y0, y1))
        counts = past - first
        edge = np.repeat(np.arange(len(x)), counts)
        row = np.arange(len(edge)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        share = (row - y0[edge]) / (y1 - y0)[edge]
        rows.append(row)
        columns.append(x0[edge] + share * (x1 - x0)[edge])
    row, column = np.concatenate(rows), np.concatenate(columns)
    order = np.lexsort((column, row))
    # Closed rings cross every row an even number of times.
    row, (begin, end) = row[order][::2], np.ceil(column[order]).reshape(-1, 2).T
    begin, end = (np.clip(each, 0, shape[1]).astype(np.int64) for each in (begin, end))
    some = end > begin
    return row[some], begin[some], end[some]


def _ordered(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(one, other), np.maximum(one, other)


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
