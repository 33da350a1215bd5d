"""Cutting contours out parts what touches, and what was cut is given back."""

from __future__ import annotations

import numpy as np
import pytest

from common.decoders import ComponentsDecoder, ContourDecoder
from common.sample import draw_label_map
from common.transforms import instance_targets


def ideal_maps(label_map: np.ndarray) -> np.ndarray:
    """Return the logits of a perfect network: nuclei as they are, and their contours."""
    return 20 * instance_targets(label_map, ("foreground", "border"), erode=False) - 10


def test_touching_nuclei_come_back_whole() -> None:
    truth = np.kron(np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 2, 0], [0, 0, 0, 0]]), np.ones((9, 9), int))
    labels = ContourDecoder(contour=1)(ideal_maps(truth))
    assert labels.max() == 3
    for number in (1, 2, 3):
        theirs = truth == number
        ours = labels == np.bincount(labels[theirs]).argmax()
        assert (theirs & ours).sum() / (theirs | ours).sum() > 0.9, "single pixels at corners stay open"
    assert ContourDecoder()(ideal_maps(truth)).max() == 1, "without the contours they are one"


def test_crowded_nuclei_come_back(crowded: np.ndarray) -> None:
    maps = ideal_maps(crowded)
    cut, whole = (decoder(maps).max() for decoder in (ContourDecoder(contour=1), ComponentsDecoder()))
    count = len(np.unique(crowded)) - 1
    assert cut > 0.95 * count and whole < 0.8 * count


def test_the_contours_threshold_decides_what_is_cut() -> None:
    maps = np.full((2, 20, 41), -9.0, np.float32)
    maps[0, 4:16, 4:37] = 9
    maps[1, :, 20] = 1  # probability 0.73
    assert [ContourDecoder(contour=1, contour_threshold=t)(maps).max() for t in (0.7, 0.8)] == [2, 1]
    with pytest.raises(ValueError, match="not a probability"):
        ContourDecoder(contour=1, contour_threshold=0)


def test_without_a_map_of_contours_it_is_components() -> None:
    maps = ideal_maps(draw_label_map((96, 96), rng=np.random.default_rng(0)))
    assert np.array_equal(ContourDecoder()(maps), ComponentsDecoder()(maps))


@pytest.mark.parametrize("decoder", [ContourDecoder, ComponentsDecoder])
def test_the_smallest_area_is_that_of_the_nucleus_in_the_result(decoder: type) -> None:
    maps = np.full((2, 20, 20), -5, np.float32)
    maps[0, 5:8, 5:8] = 5  # 9 px, and 21 with what a round of growth gives back
    areas = [np.count_nonzero(decoder(min_area_px=area, grow_px=1)(maps)) for area in (21, 22)]
    assert areas == [21, 0]
