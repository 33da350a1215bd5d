"""To the model's size and back to the image's grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.decoders import CentreVotesDecoder, DecodeMapsd
from common.geometry import SEARCH_KEY, ModelScale
from common.metrics import score_image
from common.sample import draw_label_map
from common.transforms import InstanceTargetsd, ToImageGridd, ToModelScaled, resample_image, resample_labels

RNG = np.random.default_rng(0)
SIZES = [(61, 83), (1, 7), (64, 32)]
SCALES = [0.3, 0.5, 0.77, 1.5, 2.0, 3.3]


def make_item(shape: tuple[int, int], pixel_size_um: float = np.nan) -> dict[str, torch.Tensor]:
    meta = {"filename_or_obj": "a.png", "pixel_size_um": pixel_size_um}
    label = RNG.integers(0, 9, (1, *shape)).astype(np.float32)
    return {
        "image": MetaTensor(torch.rand(2, *shape), meta=meta),
        "label": MetaTensor(torch.from_numpy(label), meta=meta),
    }


def forth(scale: float, **options: object) -> ToModelScaled:
    return ToModelScaled(("image", "label"), ModelScale(scale=scale), **options)


def back(item: dict) -> dict:
    found = {**item, "pred_map": torch.as_tensor(item["label"]).int(), "foreground": item["image"][:1]}
    return ToImageGridd(("pred_map", "foreground"))(found)


@pytest.mark.parametrize("shape", SIZES)
def test_scale_one_is_the_identity(shape: tuple[int, int]) -> None:
    item = make_item(shape)
    result = back(forth(1.0, keep_original=True)(item))
    assert result["image"] is item["image"] and result["label"] is item["label"]
    assert torch.equal(result["pred_map"], torch.as_tensor(item["label"]).int())
    assert torch.equal(torch.as_tensor(result["foreground"]), torch.as_tensor(item["image"][:1]))


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("scale", SCALES)
def test_any_shape_comes_back_as_it_was(shape: tuple[int, int], scale: float) -> None:
    item = make_item(shape)
    small = forth(scale, keep_original=True)(item)
    expected = tuple(max(1, round(scale * side)) for side in shape)
    assert small["image"].shape == (2, *expected) and small["label"].shape == (1, *expected)
    assert small["image"].meta["filename_or_obj"] == "a.png"
    result = back(small)
    assert result["pred_map"].shape == result["foreground"].shape == (1, *shape)
    assert result["pred_map"].dtype == torch.int32 and result["foreground"].dtype == torch.float32
    assert torch.equal(torch.as_tensor(result["image"]), torch.as_tensor(item["image"]))


def test_the_pixel_size_of_the_list_comes_before_that_of_the_file() -> None:
    transform = ToModelScaled(("image", "label"), ModelScale(pixel_size_um=0.5))
    item = make_item((20, 30), pixel_size_um=0.25)
    assert transform(item)["image"].shape == (2, 10, 15)
    assert transform({**item, "pixel_size_um": 1.0})["image"].shape == (2, 40, 60)
    assert transform({**item, "pixel_size_um": np.nan})["scale"] == 0.5


def test_images_whose_factor_is_searched_say_so() -> None:
    transform = ToModelScaled(("image", "label"), ModelScale(0.5, searched_diameter_px=20))
    item = make_item((20, 30))
    found = transform(item)
    assert found["image"].meta[SEARCH_KEY] and found["image"].meta["filename_or_obj"] == "a.png"
    assert (
        torch.equal(torch.as_tensor(found["image"]), torch.as_tensor(item["image"])) and found["scale"] == 1
    )
    assert SEARCH_KEY not in item["image"].meta, "the item that was given is as it was"
    # The list's pixel size counts as the file's does.
    for known in ({**item, "pixel_size_um": 1.0}, make_item((20, 30), pixel_size_um=1.0)):
        assert SEARCH_KEY not in transform(known)["image"].meta
    assert SEARCH_KEY not in forth(0.5)(item)["image"].meta
    assert transform({**item, "image": torch.rand(1, 20, 30)})["image"].meta[SEARCH_KEY]


def test_the_scale_is_that_of_the_grid_that_nuclei_were_found_on() -> None:
    item = forth(1.0)(make_item((61, 83)))
    found = {**item, "pred_map": torch.ones(1, 122, 166, dtype=torch.int32)}
    back_again = ToImageGridd(("pred_map", "foreground"), allow_missing_keys=True)
    result = back_again(found)
    assert result["scale"] == pytest.approx(2.0) and result["pred_map"].shape == (1, 61, 83)
    # A factor that is rounded to whole pixels is told as it was.
    assert back(forth(0.77)(make_item((61, 83))))["scale"] == 0.77


@pytest.mark.parametrize("size", [(40, 56), (13, 9), (20, 28)])
def test_resampling_commutes_with_mirroring_and_turning(size: tuple[int, int]) -> None:
    """A grid that is off by part of a pixel would not."""
    image, labels = torch.rand(1, 20, 28), RNG.integers(0, 9, (20, 28))
    for axis in (-1, -2):
        assert torch.allclose(
            resample_image(image, size).flip(axis), resample_image(image.flip(axis), size), atol=1e-6
        )
    turned = resample_image(image.transpose(1, 2), size[::-1]).transpose(1, 2)
    assert torch.allclose(turned, resample_image(image, size), atol=1e-6)
    assert np.array_equal(resample_labels(labels, size).T, resample_labels(labels.T, size[::-1]))


def test_shrinking_keeps_the_mean_and_forgets_a_fine_pattern() -> None:
    rows, columns = np.indices((64, 64))
    checked = torch.from_numpy(((rows + columns) % 2)[None].astype(np.float32))
    inner = resample_image(checked, (16, 16))[:, 2:-2, 2:-2]
    assert torch.allclose(inner, torch.full_like(inner, 0.5), atol=0.02)


def test_enlarging_by_a_whole_number_repeats_every_label_and_shrinking_undoes_it() -> None:
    labels = RNG.integers(0, 2**31 - 1, (11, 7), dtype=np.int32)
    large = resample_labels(labels, (33, 21))
    assert np.array_equal(large, np.kron(labels, np.ones((3, 3), np.int32)))
    assert np.array_equal(resample_labels(large, (11, 7)), labels) and large.dtype == labels.dtype


@pytest.mark.parametrize("size", [(9, 50), (23, 5), (31, 31)])
def test_labels_agree_with_torchs_exact_nearest_neighbour(size: tuple[int, int]) -> None:
    labels = RNG.integers(0, 200, (21, 33)).astype(np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(labels)[None, None], size=size, mode="nearest-exact"
    )
    assert np.array_equal(resample_labels(labels, size), expected[0, 0].numpy())


@pytest.mark.parametrize("size", [(10, 10), (31, 12), (17, 29)])
def test_a_probability_stays_one(size: tuple[int, int]) -> None:
    # Weights of the mean add up to 1 but for a rounding: a map of ones had 1.0000002 in it.
    assert resample_image(torch.ones(1, 40, 30), size).unique().tolist() == [1.0]


def test_what_is_not_finite_does_not_spread() -> None:
    image = -torch.ones(2, 8, 8)
    image[1] = 5
    image[:, 3, 3] = torch.nan
    assert (resample_image(image, (5, 11)) == torch.tensor([-1.0, 5.0])[:, None, None]).all()


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.6, 2.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_nuclei_decoded_at_the_models_size_are_those_of_the_image(scale: float, seed: int) -> None:
    """Perfect maps at another size than the image's give its nuclei, and the image's grid."""
    truth = draw_label_map((161, 143), rng=np.random.default_rng(seed))
    item = {"image": torch.rand(1, *truth.shape), "label": torch.from_numpy(truth[None].astype(np.float32))}
    small = forth(scale)(item)
    maps = ("foreground", "distance", "row_offset", "column_offset")
    pred = InstanceTargetsd("label", maps)(small)["label"]
    pred[0] = 20 * pred[0] - 10
    decoder = CentreVotesDecoder(offsets=(2, 3))
    decoded = DecodeMapsd("pred", decoder)({**small, "pred": pred})
    result = ToImageGridd(("pred_map", "foreground"))(decoded)
    found = result["pred_map"][0].numpy()
    assert found.shape == truth.shape
    assert np.array_equal(np.unique(found), np.unique(decoded["pred_map"].numpy()))
    scores = score_image(truth, found).values
    # At half the size a few of the smallest nuclei are below what the decoder takes for one.
    assert scores["f1_50"] > 0.9 and scores["sq"] > 0.8


@pytest.mark.parametrize("scale", [0.5, 0.7, 2.0, 4.0])
def test_no_nucleus_gets_lost_on_the_way_there_and_back(scale: float) -> None:
    truth = draw_label_map((161, 143), rng=np.random.default_rng(3))
    small = resample_labels(truth, [round(scale * side) for side in truth.shape])
    found = resample_labels(small, truth.shape)
    labels = np.unique(truth)
    assert np.array_equal(np.unique(found), labels)
    both = np.bincount(truth[truth == found], minlength=len(labels))
    either = np.bincount(truth.ravel()) + np.bincount(found.ravel()) - both
    assert (both / either)[1:].mean() > 0.8
