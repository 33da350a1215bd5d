"""Tests of the last step of every decoder: pieces, holes, small nuclei, growth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from common.decoders import clean_labels
from common.decoders.clean import fill_holes, highest_neighbour


def test_a_clean_label_map_stays_as_it_is(crowded: np.ndarray):
    once = clean_labels(crowded, min_area_px=1)
    assert np.array_equal(clean_labels(once, min_area_px=1), once)


def test_the_largest_piece_of_each_nucleus_is_left():
    labels = np.zeros((20, 30), int)
    labels[2:8, 2:8] = 5
    labels[2:5, 12:15] = 5
    labels[12:18, 12:18] = 9
    clean = clean_labels(labels, min_area_px=1)
    assert np.array_equal(clean > 0, np.where(np.indices(labels.shape)[1] > 9, labels == 9, labels == 5))
    assert set(np.unique(clean)) == {0, 1, 2}


def test_touching_nuclei_do_not_lend_each_other_pieces():
    labels = np.zeros((10, 12), int)
    labels[2:8, 2:6], labels[2:8, 6:10] = 1, 2
    assert np.array_equal(clean_labels(labels, min_area_px=1), labels)


def test_growth_equals_a_dilation_of_one_nucleus(crowded: np.ndarray):
    alone = (crowded == crowded[crowded > 0][0]).astype(int)
    grown = clean_labels(alone, min_area_px=1, grow_px=2)
    assert np.array_equal(grown > 0, ndimage.binary_dilation(fill_holes(alone) > 0, iterations=2))


def test_growth_takes_nothing_from_a_neighbour(crowded: np.ndarray):
    before, after = clean_labels(crowded), clean_labels(crowded, grow_px=3)
    assert np.array_equal(after[before > 0], before[before > 0])


@pytest.mark.parametrize("grow_px", [0, 1, 2])
def test_areas_are_those_of_the_result(crowded: np.ndarray, grow_px: int):
    whole = clean_labels(crowded, min_area_px=1, grow_px=grow_px)
    areas = np.bincount(whole.ravel())
    for min_area_px in (int(np.median(areas[1:])), int(areas[1:].max())):
        large = clean_labels(crowded, min_area_px=min_area_px, grow_px=grow_px)
        assert np.bincount(large.ravel())[1:].min() >= min_area_px
        # All that were large enough are there, with what their small neighbours had taken besides.
        kept = (whole > 0) & (areas[whole] >= min_area_px)
        assert np.unique(np.stack([whole[kept], large[kept]]), axis=1).shape[1] == large.max()


def test_what_is_dropped_takes_nothing_from_a_neighbour():
    labels = np.zeros((12, 12), int)
    labels[2:9, 2:6], labels[5, 8] = 1, 2
    alone = clean_labels(np.where(labels == 1, labels, 0), min_area_px=10, grow_px=2)
    assert np.array_equal(clean_labels(labels, min_area_px=20, grow_px=2), alone)


def test_highest_neighbour_equals_scipy(crowded: np.ndarray):
    cross = ndimage.generate_binary_structure(2, 1)
    expected = ndimage.grey_dilation(crowded, footprint=cross, mode="constant")
    assert np.array_equal(highest_neighbour(crowded), expected)


def test_holes_are_filled_as_scipy_fills_each_nucleus(crowded: np.ndarray):
    rng = np.random.default_rng(0)
    pierced = np.where(rng.random(crowded.shape) < 0.03, 0, crowded)
    expected = pierced.copy()
    for number in np.unique(pierced[pierced > 0]):
        inside = ndimage.binary_fill_holes(pierced == number)
        expected[inside & (pierced == 0)] = number
    assert np.array_equal(fill_holes(pierced), expected)


def test_a_gap_between_two_nuclei_and_the_border_stay_open():
    labels = np.array([[1, 1, 1, 1], [1, 0, 0, 2], [2, 2, 2, 2], [0, 0, 2, 2]])
    assert np.array_equal(fill_holes(labels), labels)


def test_more_nuclei_than_16_bits():
    side = 2 * 265
    labels = np.zeros((side, side), np.int64)
    labels[::2, ::2] = np.arange(1, 265**2 + 1).reshape(265, 265)
    clean = clean_labels(labels, min_area_px=1)
    assert clean.max() == 265**2 and np.array_equal(clean, labels)
