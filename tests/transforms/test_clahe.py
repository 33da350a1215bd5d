"""Laws of random local contrast: it is scikit-image's, keeps colours and range, leaves flat tiles alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from skimage.exposure import equalize_adapthist

from common.sample import make_image
from common.transforms import RandClahed, equalise_locally

SECTION = make_image("he", (96, 80), seed=0)[0].astype(np.float32) / 255


def test_one_channel_is_what_scikit_image_makes_of_it() -> None:
    grey = SECTION.mean(axis=0)
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    expected = equalize_adapthist(grey.astype(float), 32, 0.02)
    for scale, shift in ((1, 0), (40, -7)):
        found = equalise_locally(scale * grey[None] + shift, clip_limit=0.02, kernel_px=32)
        np.testing.assert_allclose((found[0] - shift) / scale, expected, atol=1e-3)


def test_colours_stay_and_contrast_grows() -> None:
    dull = 0.4 + 0.2 * SECTION
    found = equalise_locally(dull, clip_limit=0.02, kernel_px=32)
    assert found.shape == dull.shape and found.dtype == np.float32
    np.testing.assert_allclose(found - found[:1], dull - dull[:1], atol=1e-5)
    grey, before = found.mean(axis=0), dull.mean(axis=0)
    assert grey.min() == pytest.approx(before.min()) and grey.max() == pytest.approx(before.max())
    blocks = [each.reshape(6, 16, 5, 16).std(axis=(1, 3)).mean() for each in (grey, before)]
    assert blocks[0] > 1.1 * blocks[1]


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e6, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(3, 20, 24), (1, 1, 1), (2, 0, 4)])
def test_flat_tiles_come_out_as_they_are(value: float, shape: tuple[int, ...]) -> None:
    tile = np.full(shape, value, np.float32)
    assert np.array_equal(equalise_locally(tile, clip_limit=0.02, kernel_px=8), tile, equal_nan=True)


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 9), (3, 3, 200), (3, 129, 131)])
def test_tiles_of_any_size(shape: tuple[int, ...]) -> None:
    tile = np.random.default_rng(0).normal(0.5, 1, shape).astype(np.float32)
    found = equalise_locally(tile, clip_limit=0.01, kernel_px=64)
    assert found.shape == shape and np.isfinite(found).all()


def test_as_often_as_asked_the_same_with_the_same_seed_and_images_alone() -> None:
    image = MetaTensor(torch.from_numpy(SECTION), meta={"filename_or_obj": "a.png"})
    label = torch.arange(96 * 80).reshape(1, 96, 80)
    step = RandClahed("image", prob=0.3)
    step.set_random_state(0)
    made = [step({"image": image, "label": label}) for _ in range(100)]
    changed = [not torch.equal(one["image"], image) for one in made]
    assert 15 < sum(changed) < 45 and all(one["label"] is label for one in made)
    assert made[0]["image"].meta["filename_or_obj"] == "a.png" and made[0]["image"].dtype == torch.float32
    step.set_random_state(0)
    assert all(torch.equal(step({"image": image})["image"], one["image"]) for one in made[:20])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prob": -1}, "prob is -1: choose a probability"),
        ({"clip_limit": (0.5, 0.1)}, r"clip_limit is \(0.5, 0.1\): give the lowest and the highest"),
        ({"kernel_px": 0}, "kernel_px is 0: choose a side"),
    ],
)
def test_options_are_checked(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RandClahed("image", **options)
