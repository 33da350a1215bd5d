"""Tests of the parts of the decoder by votes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from common.decoders import CentreVotesDecoder
from common.decoders.centre_votes import find_centres, follow_offsets, nearest_centre, window_maximum

from .conftest import ideal_maps


def rotated(maps: np.ndarray) -> np.ndarray:
    """Turn maps by 90 degrees: rows become columns, and the new row offset is the old column's, negative."""
    turned = np.rot90(maps, axes=(1, 2)).copy()
    turned[2], turned[3] = -np.rot90(maps[3]), np.rot90(maps[2])
    return turned


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 12])
@pytest.mark.parametrize("shape", [(40, 31), (5, 60), (1, 1)])
def test_window_maximum_equals_scipy(size: int, shape: tuple[int, int]):
    values = np.random.default_rng(size).random(shape)
    assert np.array_equal(window_maximum(values, size), ndimage.maximum_filter(values, size, mode="constant"))


def test_nearest_centre_equals_trying_all_but_for_the_grid():
    rng = np.random.default_rng(0)
    centres = np.zeros((60, 80), np.int32)
    places = rng.permutation(60 * 80)[:30]
    centres.ravel()[places] = np.arange(1, 31)
    rows, columns = rng.integers(0, 60, 500), rng.integers(0, 80, 500)
    far = np.hypot(rows[:, None] - places // 80, columns[:, None] - places % 80)
    chosen = far[np.arange(500), nearest_centre(centres, rows, columns) - 1]
    assert (chosen <= far.min(axis=1) + 3).all()  # the grid's cells are two pixels wide


def test_jumps_stay_inside_the_image():
    offsets = np.random.default_rng(0).normal(0, 1000, (2, 20, 30)).astype(np.float32)
    rows, columns = follow_offsets(np.ones((20, 30), bool), offsets, steps=4)
    assert rows.min() >= 0 and rows.max() < 20 and columns.min() >= 0 and columns.max() < 30


def test_without_a_step_everyone_stays():
    mask = np.random.default_rng(0).random((9, 11)) > 0.5
    rows, columns = follow_offsets(mask, np.ones((2, 9, 11), np.float32), steps=0)
    assert np.array_equal(np.stack([rows, columns]), np.stack(np.nonzero(mask)))


def test_a_peak_has_as_many_votes_as_meet_in_it():
    rows, columns = np.full(50, 20), np.full(50, 30)
    options = {"smoothing_px": 1.5, "window_px": 7}
    assert find_centres(rows, columns, (40, 60), min_votes=49, **options).max() == 1
    assert find_centres(rows, columns, (40, 60), min_votes=51, **options).max() == 0


def test_a_nucleus_of_the_least_area_has_votes_enough():
    for min_area_px in (4, 15, 29, 40, 200):
        truth = np.zeros((40, 40), np.int32)
        truth.ravel()[np.argsort(np.hypot(*(np.indices(truth.shape) - 20.4)).ravel())[:min_area_px]] = 1
        maps = ideal_maps(truth)
        maps[0] = 20.0 * truth - 10
        for least, found in ((min_area_px, 1), (min_area_px + 1, 0)):
            labels = CentreVotesDecoder(offsets=(2, 3), min_area_px=least, grow_px=0)(maps)
            assert labels.max() == found


def test_turning_the_maps_turns_the_nuclei(crowded: np.ndarray):
    decode = CentreVotesDecoder(offsets=(2, 3))
    maps = ideal_maps(crowded)
    there, back = decode(rotated(maps)), np.rot90(decode(maps))
    assert there.max() == back.max()
    # Ties between neighbours fall to one or the other: a few pixels of a border.
    first = np.unique(np.stack([there.ravel(), back.ravel()]), axis=1, return_counts=True)[1]
    assert np.sort(first)[::-1][: there.max() + 1].sum() > 0.98 * there.size


def test_noise_of_a_pixel_in_the_offsets_changes_little(crowded: np.ndarray):
    decode = CentreVotesDecoder(offsets=(2, 3))
    maps = ideal_maps(crowded)
    quiet = decode(maps).max()
    maps[2:] += np.random.default_rng(0).normal(0, 0.1, maps[2:].shape)
    assert abs(decode(maps).max() - quiet) <= 0.03 * quiet
