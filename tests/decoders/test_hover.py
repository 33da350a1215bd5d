"""Perfect horizontal and vertical maps decode to their nuclei, whatever else the image holds."""

from __future__ import annotations

import numpy as np
import pytest

from common.decoders import ComponentsDecoder, HoVerDecoder
from common.decoders.hover import falls
from common.transforms import instance_targets


def ideal_maps(label_map: np.ndarray, *, erode: bool) -> np.ndarray:
    maps = instance_targets(label_map, ("foreground", "horizontal", "vertical"), erode=erode)
    maps[0] = 20 * maps[0] - 10
    return maps


def bricks() -> np.ndarray:
    """Convex nuclei that fill the image, all touching."""
    return np.kron(np.arange(1, 13).reshape(3, 4), np.ones((14, 11), int))


@pytest.mark.parametrize("smoothing_px", [0.0, 0.5])
def test_convex_nuclei_without_any_gap_come_back_exactly(smoothing_px: float) -> None:
    truth = bricks()
    labels = HoVerDecoder(grow_px=0, smoothing_px=smoothing_px)(ideal_maps(truth, erode=False))
    pairs = np.unique(np.stack([truth.ravel(), labels.ravel()]), axis=1)
    assert labels.max() == 12 == pairs.shape[1], "one to one, pixel by pixel"
    assert ComponentsDecoder(grow_px=0)(ideal_maps(truth, erode=False)).max() == 1


def test_crowded_nuclei_come_back(crowded: np.ndarray) -> None:
    labels = HoVerDecoder()(ideal_maps(crowded, erode=True))
    found = 0
    for number in np.unique(crowded[crowded > 0]):
        theirs = crowded == number
        ours = labels == np.bincount(labels[theirs]).argmax()
        found += (theirs & ours).sum() > 0.8 * (theirs | ours).sum()
    assert found > 0.97 * (len(np.unique(crowded)) - 1)


def test_what_lies_far_away_changes_nothing(crowded: np.ndarray) -> None:
    """Extremes of the image would, if falls were measured by them."""
    maps = ideal_maps(crowded, erode=True)
    beside = np.zeros((3, len(crowded), 60), np.float32)
    beside[0] = -10
    beside[:, 20:30, 30:40] = [[[10.0]], [[50.0]], [[-50.0]]]
    beside[1:, 20:30, 35:40] *= -1
    labels = HoVerDecoder()(np.concatenate([maps, beside], axis=2))[:, : crowded.shape[1]]
    assert np.array_equal(labels > 0, HoVerDecoder()(maps) > 0)
    assert len(np.unique(labels)) == len(np.unique(HoVerDecoder()(maps)))


def test_outlines_are_no_falls() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    maps = np.zeros((2, 20, 20), np.float32)
    maps[0, :, 5:15] = np.linspace(-1, 1, 10)
    assert falls(mask, maps).max() == pytest.approx(0, abs=1e-3)


def test_a_nucleus_without_a_marker_is_a_nucleus() -> None:
    maps = np.full((3, 30, 30), -9.0, np.float32)
    maps[0, 5:10, 5:10] = 9
    maps[1:] = np.indices((30, 30))[::-1] % 2  # falls everywhere
    assert HoVerDecoder()(maps).max() == 1


def test_a_fall_must_be_positive() -> None:
    with pytest.raises(ValueError, match="fall 0 of the maps must be above 0"):
        HoVerDecoder(fall=0)
