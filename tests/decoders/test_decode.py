"""Laws of decoding as a step of a pipeline: the decoder's label map, and probabilities beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.decoders import CentreVotesDecoder, ComponentsDecoder, DecodeMapsd

from .conftest import ideal_maps

DECODER = CentreVotesDecoder(offsets=(2, 3))


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy, lambda a: MetaTensor(torch.from_numpy(a))])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_adds_label_map_and_probability(crowded: np.ndarray, make: type, dtype: type):
    given = make(ideal_maps(crowded).astype(dtype))
    before = np.asarray(given).copy()
    item = DecodeMapsd("pred", DECODER)({"pred": given, "image": 5})
    height, width = crowded.shape
    assert item["image"] == 5 and item["pred"] is given and np.array_equal(np.asarray(given), before)
    assert item["pred_map"].shape == (1, height, width) and item["pred_map"].dtype == torch.int32
    assert item["foreground"].shape == (1, height, width) and item["foreground"].dtype == torch.float32
    assert np.array_equal(item["pred_map"][0].numpy(), DECODER(before.astype(np.float32)))


def test_probability_is_the_sigmoid_of_the_foreground():
    maps = np.random.default_rng(0).normal(0, 30, (4, 20, 30)).astype(np.float32)
    maps[:, 0, :2] = [-1e4, 1e4]
    for channel in (0, 3):
        item = DecodeMapsd("pred", ComponentsDecoder(foreground=channel), foreground=channel)({"pred": maps})
        probability = item["foreground"][0].numpy()
        assert probability.min() >= 0 and probability.max() <= 1
        expected = 0.5 * (1 + np.tanh(maps[channel].astype(np.float64) / 2))
        np.testing.assert_allclose(probability, expected, atol=1e-6)


def test_gradients_and_low_precision_do_not_reach_the_decoder():
    seen = []

    def decoder(maps: np.ndarray) -> np.ndarray:
        seen.append(maps)
        return np.zeros(maps.shape[1:], np.int64)

    maps = torch.zeros(3, 8, 9, dtype=torch.bfloat16, requires_grad=True)
    item = DecodeMapsd("pred", decoder)({"pred": maps * 2})
    assert seen[0].dtype == np.float32 and seen[0].shape == (3, 8, 9)
    assert not item["pred_map"].requires_grad and not item["foreground"].requires_grad


def test_keys_have_the_names_asked_for():
    maps = np.zeros((3, 8, 9), np.float32)
    transform = DecodeMapsd("maps", ComponentsDecoder(), label_key="nuclei", foreground_key="probability")
    assert set(transform({"maps": maps})) == {"maps", "nuclei", "probability"}


def test_absent_maps_are_skipped_only_if_told():
    assert DecodeMapsd("pred", DECODER, allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="pred"):
        DecodeMapsd("pred", DECODER)({"image": 1})


def test_maps_that_are_not_finite_name_what_is_known_of_their_file():
    def mapped(file: object) -> MetaTensor:
        return MetaTensor(torch.full((4, 8, 9), float("nan")), meta={"filename_or_obj": file})

    decode = DecodeMapsd("pred", DECODER)
    for item, name in (
        ({"pred": mapped("b.tif"), "image": mapped("a.tif")}, "b.tif"),
        ({"pred": mapped(["b.tif"]), "label": mapped("l.tif"), "image": mapped("a.tif")}, "a.tif"),
        ({"pred": torch.full((4, 8, 9), float("inf"))}, "the image"),
    ):
        with pytest.raises(ValueError, match=f"^the network's maps of {name} are not all finite"):
            decode(item)
