"""Outlines along the edges of pixels: what lies inside is the nucleus, to the last pixel."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk

from common.geometry import label_polygons, outline_pixels, ring_area, traced_rings


def painted(polygons: list[list[np.ndarray]], shape: tuple[int, int]) -> np.ndarray:
    """Fill polygons and leave their holes out, by the reader of people's outlines."""
    filled = np.zeros(shape[0] * shape[1], int)
    for outer, *holes in polygons:
        filled[outline_pixels(outer, shape)] += 1
        for hole in holes:
            filled[outline_pixels(hole, shape)] -= 1
    return filled.reshape(shape)


@pytest.mark.parametrize("seed", range(60))
def test_polygons_are_the_nuclei_whatever_they_look_like(seed: int) -> None:
    draw = np.random.default_rng(seed)
    shape = tuple(draw.integers(1, 13, 2).tolist())
    label_map = draw.choice(
        [0, 0, 1, 2, 70_000], shape
    )  # specks, holes in holes, corners, edges of the image
    found = dict(label_polygons(label_map))
    assert list(found) == sorted(set(label_map[label_map > 0].tolist()))
    for number, polygons in found.items():
        assert np.array_equal(painted(polygons, shape), label_map == number)
        area = sum(ring_area(ring) for polygon in polygons for ring in polygon)
        assert area == (label_map == number).sum()
        for polygon in polygons:
            assert ring_area(polygon[0]) > 0 and all(ring_area(hole) < 0 for hole in polygon[1:])


def test_rings_are_closed_and_turn_at_every_corner() -> None:
    label_map = np.zeros((40, 50), np.uint16)
    label_map[disk((20, 25), 15)] = 9
    ((number, (ring,)),) = traced_rings(label_map)
    assert number == 9 and ring.dtype == np.int64 and np.array_equal(ring[0], ring[-1])
    steps = np.diff(ring, axis=0)
    assert (np.count_nonzero(steps, axis=1) == 1).all(), "along edges of pixels"
    assert (steps[1:] * steps[:-1] == 0).all(), "a step goes on where the one before went"
    assert len({tuple(point) for point in ring[:-1].tolist()}) == len(ring) - 1, "no corner twice"


def test_pieces_that_share_a_corner_alone_are_two_polygons() -> None:
    ((_, polygons),) = label_polygons(np.array([[1, 0], [0, 1]]))
    assert [polygon[0].tolist() for polygon in polygons] == [
        [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]],
        [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]],
    ]


def test_a_nucleus_in_the_hole_of_another_has_an_outline_of_its_own() -> None:
    label_map = np.full((5, 5), 1)
    label_map[1:4, 1:4] = 0
    label_map[2, 2] = 1  # a piece of the same number, in its own hole
    ((_, polygons),) = label_polygons(label_map)
    assert [len(polygon) for polygon in polygons] == [2, 1]


def test_nothing_is_nothing() -> None:
    assert list(traced_rings(np.zeros((4, 0), int))) == []
    assert list(label_polygons(np.zeros((3, 3), np.uint8))) == []


@pytest.mark.parametrize("count", [1023, 1024, 1025])
def test_many_nuclei_in_parts(count: int) -> None:
    # More than are traced at once: none is lost or doubled between the parts.
    label_map = np.zeros((2, 3 * count), np.int32)
    label_map[0, 1::3] = np.arange(count, 0, -1)
    found = list(traced_rings(label_map))
    assert [number for number, _ in found] == list(range(1, count + 1))
    assert found[0][1][0].tolist()[0] == [3 * count - 2, 0]
