"""Colours of nuclei: neighbours differ, one nucleus has one colour, ids do not matter."""

from __future__ import annotations

import numpy as np
import pytest

from common.export import label_colours
from common.export.colours import neighbour_pairs

RNG = np.random.default_rng(0)


def patchwork() -> np.ndarray:
    """Return a map without background in which every nucleus has neighbours of all kinds."""
    rows, columns = np.mgrid[:90, :110]
    points = RNG.random((60, 2)) * (90, 110)
    nearest = ((rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2).argmin(-1)
    return nearest.astype(np.int32) + 1


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("holes", [False, True])
def test_neighbours_have_different_colours(seed: int, holes: bool) -> None:
    label_map = patchwork()
    if holes:
        label_map[RNG.random(label_map.shape) < 0.2] = 0
    picture = label_colours(label_map, seed=seed)
    colours = {label: tuple(picture[label_map == label][0]) for label in np.unique(label_map) if label}
    pairs = neighbour_pairs(label_map)
    assert len(pairs) > 60
    assert all(colours[one] != colours[other] for one, other in pairs)


def test_a_nucleus_has_one_colour_and_the_background_alone_is_black() -> None:
    label_map = patchwork() * (RNG.random((90, 110)) < 0.9)
    picture = label_colours(label_map)
    for label in np.unique(label_map):
        assert len(np.unique(picture[label_map == label], axis=0)) == 1
    assert np.array_equal((picture == 0).all(-1), label_map == 0)


def test_ids_need_not_be_contiguous() -> None:
    label_map = patchwork()
    assert np.array_equal(label_colours(label_map), label_colours(label_map.astype(np.uint32) * 70_000))


def test_a_nucleus_with_more_neighbours_than_colours() -> None:
    label_map = np.ones((3, 102), dtype=int)
    label_map[0, 1:101] = np.arange(2, 102)  # 100 nuclei of one pixel along one long nucleus
    picture = label_colours(label_map)
    assert not (picture[0, 1:101] == picture[1, 0]).all(-1).any()


def test_empty_maps() -> None:
    assert not label_colours(np.zeros((5, 6), dtype=int)).any()
    assert label_colours(np.zeros((0, 6), dtype=int)).shape == (0, 6, 3)


def test_pairs_agree_with_a_plain_search() -> None:
    label_map = RNG.integers(0, 5, (12, 13))
    expected = set()
    for row in range(12):
        for column in range(13):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0)):
                if row + down < 12 and 0 <= column + right < 13:
                    pair = sorted((int(label_map[row, column]), int(label_map[row + down, column + right])))
                    if pair[0] > 0 and pair[0] != pair[1]:
                        expected.add(tuple(pair))
    assert set(neighbour_pairs(label_map)) == expected
