"""A label map -> the outline of every nucleus along its pixels' edges, as closed rings of corners."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer

__all__ = ["traced_rings"]

# Directions of an edge: right, down, left, up; the nucleus lies on the right hand of who walks along it.
_STEP_ROW, _STEP_COLUMN = np.array([0, 1, 0, -1]), np.array([1, 0, -1, 0])
_TURNS = (1, 0, 3)  # to the right first: where two pixels share a corner alone, a ring stays at its own pixel
# Both bound the memory, which else were many times the label map's.
_NUCLEI_AT_ONCE, _ROWS_AT_ONCE = 1024, 512


def traced_rings(label_map: Integer[np.ndarray, "h w"]) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yield number and rings of every nucleus, in the order of the numbers.

    Rings follow the edges of pixels, so that the area inside is the nucleus' pixels to the last one. Pixels
    that share only a corner are in different rings.

    Args:
        label_map: 0 = background, i = nucleus i.

    Shapes:
        label_map: (H, W), integers.
        rings: (N + 1, 2), int64, corners as x, y in pixels, where 0, 0 is the outer corner of the first pixel
            and the last corner is the first again; only corners at which the ring turns. Outer rings run
            clockwise on the screen, rings around holes the other way.

    Example:
        >>> for number, rings in traced_rings(np.array([[0, 5, 5], [0, 5, 5]])):
        ...     print(number, rings[0].tolist())
        5 [[1, 0], [3, 0], [3, 2], [1, 2], [1, 0]]
    """
    numbers, bounds, edges = _edges(label_map)
    width = label_map.shape[1] + 1
    for first in range(0, len(numbers), _NUCLEI_AT_ONCE):
        last = min(first + _NUCLEI_AT_ONCE, len(numbers))
        corner, direction = np.divmod(edges[bounds[first] : bounds[last]].astype(np.int64), 4)
        label = np.repeat(numbers[first:last], np.diff(bounds[first : last + 1]))
        rings = _rings(label, *np.divmod(corner, width), direction, width)
        yield from zip(numbers[first:last].tolist(), rings, strict=True)


def _edges(label_map: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers, ascending, where the edges of each begin and end, and the edges.

    An edge is 4 * (row * (width + 1) + column) + direction of its first corner. There are some 60 to a
    nucleus: they are counted first and then put where they belong, because sorting needs room for several
    times as many.
    """
    found = [np.unique(labels, return_counts=True) for labels, _ in _edges_by_bands(label_map)]
    numbers, at = np.unique(np.concatenate([labels for labels, _ in found]), return_inverse=True)
    counts = np.bincount(at, weights=np.concatenate([count for _, count in found]), minlength=len(numbers))
    bounds = np.concatenate([[0], np.cumsum(counts.astype(np.int64))])
    most = 4 * (label_map.shape[0] + 1) * (label_map.shape[1] + 1)
    edges = np.empty(bounds[-1], np.uint32 if most <= np.iinfo(np.uint32).max else np.int64)
    free = bounds[:-1].copy()
    for labels, band in _edges_by_bands(label_map):
        order = np.argsort(labels, kind="stable")
        each, firsts, many = np.unique(labels[order], return_index=True, return_counts=True)
        place = np.searchsorted(numbers, each)
        edges[np.arange(len(order)) + np.repeat(free[place] - firsts, many)] = band[order]
        free[place] += many
    return numbers, bounds, edges


def _edges_by_bands(label_map: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the labels and the edges, see `_edges`, of some rows at once."""
    # Where the edge above, right, below and left of a pixel begins.
    corners = ((0, 0), (0, 1), (1, 1), (1, 0))
    width = label_map.shape[1] + 1
    for top in range(0, max(len(label_map), 1), _ROWS_AT_ONCE):
        # With the rows around it, which are background beyond the image.
        above = label_map[max(top - 1, 0) : top + _ROWS_AT_ONCE + 1]
        missing = (int(top == 0), int(top + _ROWS_AT_ONCE >= len(label_map)))
        band = np.pad(above, (missing, (1, 1)))
        inner = band[1:-1, 1:-1]
        sides = (band[:-2, 1:-1], band[1:-1, 2:], band[2:, 1:-1], band[1:-1, :-2])
        labels, edges = [], []
        for number, (side, (down, over)) in enumerate(zip(sides, corners, strict=True)):
            rows, columns = np.nonzero((inner != 0) & (inner != side))
            labels.append(inner[rows, columns])
            edges.append(4 * ((rows + top + down) * width + columns + over) + number)
        yield np.concatenate(labels), np.concatenate(edges)


def _rings(
    label: np.ndarray, row: np.ndarray, column: np.ndarray, direction: np.ndarray, width: int
) -> list[list[np.ndarray]]:
    following = _following(label, row, column, direction, width)
    # Where a ring does not turn is no corner.
    corner = np.flatnonzero(direction != direction[_inverse(following)])
    ring, place = _rings_and_places(following)
    corner = corner[np.lexsort((place[corner], ring[corner]))]
    points = np.stack([column[corner], row[corner]], axis=1).astype(np.int64)
    cuts = np.flatnonzero(np.diff(ring[corner])) + 1
    found: dict[int, list[np.ndarray]] = {}
    firsts = label[corner[np.concatenate([[0], cuts])]]
    for number, part in zip(firsts, np.split(points, cuts), strict=True):
        found.setdefault(int(number), []).append(np.concatenate([part, part[:1]]))
    return [found[number] for number in sorted(found)]


def _following(
    label: np.ndarray, row: np.ndarray, column: np.ndarray, direction: np.ndarray, width: int
) -> np.ndarray:
    """Return for each edge the one of the same nucleus that begins where it ends."""
    height = int(row.max()) + 2
    _, rank = np.unique(label, return_inverse=True)

    def key(rows: np.ndarray, columns: np.ndarray, directions: np.ndarray) -> np.ndarray:
        found: np.ndarray = ((rank.astype(np.int64) * height + rows) * width + columns) * 4 + directions
        return found

    begins = key(row, column, direction)
    order = np.argsort(begins)
    begins = begins[order]
    end_row, end_column = row + _STEP_ROW[direction], column + _STEP_COLUMN[direction]
    following = np.full(len(label), -1)
    for turn in _TURNS:
        wanted = key(end_row, end_column, (direction + turn) % 4)
        at = np.minimum(np.searchsorted(begins, wanted), len(begins) - 1)
        free = (following < 0) & (begins[at] == wanted)
        following[free] = order[at[free]]
    return following


def _inverse(following: np.ndarray) -> np.ndarray:
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    return before


def _rings_and_places(following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each edge its ring, named by the ring's first edge, and how many edges it is after that one.

    By doubling: after n rounds everybody knows the next 2 ** n, so that few rounds do for all rings at once.
    """
    count = len(following)
    ring, ahead = np.arange(count), following
    while True:
        least = np.minimum(ring, ring[ahead])
        if np.array_equal(least, ring):
            break
        ring, ahead = least, ahead[ahead]
    # Steps to the ring's first edge, at which all stop.
    first = ring == np.arange(count)
    ahead = np.where(first, np.arange(count), following)
    steps = (~first).astype(np.int64)
    while not first[ahead].all():
        steps, ahead = steps + steps[ahead], ahead[ahead]
    return ring, np.where(first, 0, np.bincount(ring, minlength=count)[ring] - steps)
