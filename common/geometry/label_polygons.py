"""A label map -> polygons with holes, whose pixels are the nuclei's to the last one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer
from skimage.measure import points_in_poly

from .traced_rings import traced_rings

__all__ = ["label_polygons", "ring_area"]

Polygon = list[np.ndarray]
"""The outer ring, then those of its holes."""


def label_polygons(label_map: Integer[np.ndarray, "h w"]) -> Iterator[tuple[int, list[Polygon]]]:
    """Yield number and polygons of every nucleus, in the order of the numbers.

    Args:
        label_map: 0 = background, i = nucleus i.

    Shapes:
        label_map: (H, W), integers.
        polygons: one for each piece of the nucleus (corners are no contact), each a list of rings, the outer
            one first; rings as `traced_rings` gives them.

    Example:
        >>> ring_with_hole = np.array([[3, 3, 3], [3, 0, 3], [3, 3, 3]])
        >>> [(number, len(found), len(found[0])) for number, found in label_polygons(ring_with_hole)]
        [(3, 1, 2)]
    """
    for number, rings in traced_rings(label_map):
        is_outer = [ring_area(ring) > 0 for ring in rings]
        outer = [ring for ring, is_one in zip(rings, is_outer, strict=True) if is_one]
        polygons: list[Polygon] = [[ring] for ring in outer]
        for ring, is_one in zip(rings, is_outer, strict=True):
            if not is_one:
                polygons[_around(ring, outer)].append(ring)
        yield number, polygons


def ring_area(ring: np.ndarray) -> float:
    """Return the area inside a ring in square pixels, above 0 where it runs clockwise on the screen.

    Args:
        ring: corners as x, y, the last one the first again.

    Shapes:
        ring: (N + 1, 2).

    Example:
        >>> ring_area(np.array([[0, 0], [2, 0], [2, 3], [0, 3], [0, 0]]))
        6.0
    """
    x, y = ring[:, 0], ring[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def _around(hole: np.ndarray, outer: list[np.ndarray]) -> int:
    """Return the position of the ring that a hole lies in; they may touch in corners, not between them."""
    if len(outer) == 1:
        return 0
    between = (hole[:-1] + hole[1:]) / 2
    inside = [int(points_in_poly(between, ring).sum()) for ring in outer]
    # Of rings inside each other the smallest one.
    return max(range(len(outer)), key=lambda place: (inside[place], -ring_area(outer[place])))
