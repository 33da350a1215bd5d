"""What every decoder keeps; they are found by their names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common import decoders

from .conftest import ideal_maps

DECODERS: dict[str, type] = {
    name: getattr(decoders, name) for name in decoders.__all__ if name.endswith("Decoder")
}
# Without a map of contours, which these maps have not, both number what is connected.
SPLITTING = {
    name: cls for name, cls in DECODERS.items() if name not in ("ComponentsDecoder", "ContourDecoder")
}
Decoder = Callable[[np.ndarray], np.ndarray]


def make(cls: type, **options: object) -> Decoder:
    """Make a decoder for maps in the order of `conftest.MAPS`."""
    if cls is decoders.CentreVotesDecoder:
        options["offsets"] = (2, 3)
    if cls is decoders.HoVerDecoder:
        options["vectors"] = (4, 5)
    return cls(**options)


@pytest.fixture(params=DECODERS.values(), ids=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    return make(request.param)


def two_discs(gap_px: float) -> np.ndarray:
    rows, columns = np.mgrid[:48, :80]
    label_map = np.zeros((48, 80), np.int32)
    for number, column in enumerate((40 - 10 - gap_px / 2, 40 + 10 + gap_px / 2), 1):
        label_map[(rows - 24) ** 2 + (columns - column) ** 2 < 100] = number
    return label_map


def matched(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Return the share of the true nuclei that have a predicted one with an IoU above 0.5."""
    found = 0
    numbers = np.unique(truth[truth > 0])
    for number in numbers:
        inside = truth == number
        best = np.bincount(prediction[inside]).argmax()
        if best:
            found += (inside & (prediction == best)).sum() > 0.5 * (inside | (prediction == best)).sum()
    return found / len(numbers)


def test_they_are_found():
    assert len(DECODERS) >= 3


def test_separate_nuclei_come_back_but_for_a_pixel_of_outline(decoder: Decoder):
    truth = two_discs(gap_px=6)
    labels = decoder(ideal_maps(truth))
    assert labels.max() == 2
    for number in (1, 2):
        theirs, ours = truth == number, labels == labels[24, 24 if number == 1 else 55]
        # Erosion and growth along four neighbours leave single pixels of the outline open.
        assert (theirs & ours).sum() / (theirs | ours).sum() > 0.95


@pytest.mark.parametrize("cls", SPLITTING.values(), ids=SPLITTING)
def test_touching_nuclei_are_parted_from_a_merged_foreground(cls: type):
    truth = two_discs(gap_px=-2)
    maps = ideal_maps(truth)
    maps[0] = np.where(truth > 0, 10, -10)  # the foreground shows no gap
    assert make(cls)(maps).max() == 2


@pytest.mark.parametrize("cls", SPLITTING.values(), ids=SPLITTING)
def test_crowded_nuclei_come_back(cls: type, crowded: np.ndarray):
    assert matched(crowded, make(cls)(ideal_maps(crowded))) > 0.97


def test_labels_are_whole_and_numbered_without_gaps(decoder: Decoder, crowded: np.ndarray):
    labels = decoder(ideal_maps(crowded))
    assert labels.dtype == np.int32 and labels.shape == crowded.shape
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


@pytest.mark.parametrize("value", [-10.0, 10.0, np.nan])
def test_constant_maps_give_a_label_map(decoder: Decoder, value: float):
    labels = decoder(np.full((6, 40, 50), value, np.float32))
    assert labels.shape == (40, 50) and labels.max() <= 1
    if not value > 0:
        assert not labels.any()


@pytest.mark.parametrize("channel", range(6))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_maps_that_are_not_finite_are_refused_by_the_image_s_name(
    decoder: Decoder, value: float, channel: int
):
    maps = np.random.default_rng(0).normal(size=(6, 33, 45)).astype(np.float32)
    image = MetaTensor(torch.zeros(1, 33, 45), meta={"filename_or_obj": "folder/a.tif"})
    decode = decoders.DecodeMapsd("pred", decoder)
    assert decode({"pred": maps, "image": image})["pred_map"].shape == (1, 33, 45)
    maps[channel, 5, 7] = value
    said = "^the network's maps of folder/a.tif are not all finite: try --amp False; .* spoilt$"
    with pytest.raises(ValueError, match=said):
        decode({"pred": maps, "image": image})


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 5), (17, 200)])
def test_any_shape(decoder: Decoder, shape: tuple[int, int]):
    maps = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    assert decoder(maps).shape == shape


def test_noise_neither_fails_nor_changes_the_maps(decoder: Decoder):
    maps = np.random.default_rng(0).normal(size=(6, 64, 64)).astype(np.float32)
    before = maps.copy()
    first = decoder(maps)
    assert np.array_equal(maps, before) and np.array_equal(decoder(maps), first)


def test_small_nuclei_are_dropped(crowded: np.ndarray):
    for cls in DECODERS.values():
        for grow_px in (0, 1):
            labels = make(cls, min_area_px=200, grow_px=grow_px)(ideal_maps(crowded))
            areas = np.bincount(labels.ravel())[1:]
            assert len(areas) and areas.min() >= 200
            assert grow_px == 0 or areas.min() < 260, "dropped by the area before it was grown"


def test_the_threshold_decides_what_is_foreground():
    for cls in DECODERS.values():
        maps = ideal_maps(two_discs(gap_px=6))
        maps[0] = np.where(maps[0] > 0, 1.0, -10)  # probability 0.73
        assert make(cls, threshold=0.7)(maps).any() and not make(cls, threshold=0.8)(maps).any()


@pytest.mark.parametrize("threshold", [0, 1, 1.5])
@pytest.mark.parametrize("cls", DECODERS.values(), ids=DECODERS)
def test_a_threshold_that_is_no_probability_is_refused(cls: type, threshold: float):
    with pytest.raises(ValueError, match="not a probability"):
        cls(threshold=threshold)


def test_opening_takes_away_what_is_thinner_than_the_square() -> None:
    maps = np.full((1, 40, 60), -9.0, np.float32)
    maps[0, 10:22, 5:17] = 9  # a nucleus
    maps[0, 30:33, 20:50] = 9  # a thin one
    maps[0, 0:12, 45:57] = 9  # one at the image's edge
    plain, opened = (
        decoders.ComponentsDecoder(grow_px=0, min_area_px=1, opening_px=side)(maps) for side in (0, 5)
    )
    assert plain.max() == 3 and opened.max() == 2
    assert np.array_equal(opened > 0, (plain > 0) & (np.arange(40) < 25)[:, None])
    with pytest.raises(ValueError, match="opening_px is -1"):
        decoders.ComponentsDecoder(opening_px=-1)
