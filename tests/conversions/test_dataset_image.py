"""Painting keeps numbers in order, small nuclei on top, and more nuclei than 16 bits can number."""

from __future__ import annotations

import numpy as np

from common.conversions.formats.dataset_image import paint_nuclei


def test_painting_a_label_map_from_its_pixels_gives_it_back() -> None:
    truth = np.random.default_rng(0).integers(0, 9, (20, 30))
    nuclei = [np.flatnonzero(truth == label) for label in range(1, 9)]
    painted, kept = paint_nuclei(nuclei, (20, 30))
    assert (painted == truth).all() and painted.dtype == np.uint16 and kept == list(range(8))


def test_covered_and_empty_nuclei_are_gone_and_numbers_stay_contiguous() -> None:
    square = np.array([0, 1, 10, 11])
    nuclei = [np.empty(0, np.int64), square, square, np.array([5])]
    painted, kept = paint_nuclei(nuclei, (2, 10))
    assert sorted(np.unique(painted)) == [0, 1, 2] and kept == [2, 3]


def test_more_than_65535_nuclei() -> None:
    painted, kept = paint_nuclei([np.array([pixel]) for pixel in range(65_536)], (256, 256))
    assert painted.dtype == np.uint32 and painted.max() == 65_536 == len(kept)
