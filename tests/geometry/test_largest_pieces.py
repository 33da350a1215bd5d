"""Of every nucleus its largest piece is left, numbered in the order of the labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from common.geometry import largest_pieces


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("min_area_px", [1, 4])
def test_each_nucleus_is_one_piece_as_large_as_its_largest(connectivity: int, min_area_px: int) -> None:
    scattered = np.random.default_rng(0).choice([0, 0, 3, 8, 900], (30, 40))
    whole, label_of = largest_pieces(scattered, connectivity=connectivity, min_area_px=min_area_px)
    assert label_of.tolist() == [3, 8, 900] and set(np.unique(whole)) == {0, 1, 2, 3}
    neighbours = ndimage.generate_binary_structure(2, connectivity)
    for number, label in enumerate(label_of, start=1):
        assert (scattered[whole == number] == label).all()
        assert ndimage.label(whole == number, neighbours)[1] == 1
        largest = np.bincount(ndimage.label(scattered == label, neighbours)[0].ravel())[1:].max()
        assert (whole == number).sum() == largest


def test_what_is_whole_stays_and_what_is_small_goes() -> None:
    squares = np.zeros((12, 20), np.uint32)
    squares[1:4, 1:4], squares[1:5, 4:9], squares[8:10, 8:10] = 6, 2, 4  # 9, 20 and 4 pixels
    whole, label_of = largest_pieces(squares)
    assert np.array_equal(np.append(0, label_of)[whole], squares)
    whole, label_of = largest_pieces(squares, min_area_px=9)
    assert label_of.tolist() == [2, 6]
    assert np.array_equal(np.append(0, label_of)[whole], np.where(squares == 4, 0, squares))


def test_corners_are_contact_only_if_asked_for() -> None:
    steps = np.array([[5, 0, 0], [0, 5, 5]])
    assert [(largest_pieces(steps, connectivity=c)[0] > 0).sum() for c in (1, 2)] == [2, 3]


@pytest.mark.parametrize("full", [False, True])
def test_one_value_everywhere(full: bool) -> None:
    whole, label_of = largest_pieces(np.full((5, 6), 7 * full))
    assert (whole == full).all() and label_of.tolist() == [7] * full
