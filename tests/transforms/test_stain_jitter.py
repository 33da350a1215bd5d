"""Laws of stain jitter: nothing drawn changes nothing, white stays white, stains scale apart."""

from typing import Any

import numpy as np
import pytest
from monai.data import MetaTensor

from common.sample import make_image
from common.transforms import RandStainJitterd, from_density, to_density
from common.transforms.stain_jitter import stain_basis


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return make_image("he", (96, 80), seed=0)[0].astype(np.float32) / 255


def jitter(image: np.ndarray, *, seed: int = 0, **options: Any) -> np.ndarray:
    transform = RandStainJitterd("image", **{"prob": 1.0, **options}).set_random_state(seed)
    return np.asarray(transform({"image": image})["image"])


def test_nothing_drawn_changes_nothing(image: np.ndarray) -> None:
    np.testing.assert_allclose(jitter(image, factor=0, shift=0), image, atol=1e-6)
    np.testing.assert_array_equal(jitter(image, prob=0), image)
    assert np.abs(jitter(image) - image).max() > 0.02


def test_a_seed_repeats_its_draw_and_another_gives_another(image: np.ndarray) -> None:
    np.testing.assert_array_equal(jitter(image, seed=3), jitter(image, seed=3))
    assert not np.array_equal(jitter(image, seed=3), jitter(image, seed=4))


def test_factors_leave_white_white_and_shifts_do_not() -> None:
    white = np.ones((3, 4, 4))
    for seed in range(5):
        np.testing.assert_allclose(jitter(white, factor=0.5, shift=0, seed=seed), 1, atol=1e-6)
    # A negative density is white again.
    assert min(jitter(white, factor=0, shift=0.5, seed=seed).min() for seed in range(5)) < 0.9


@pytest.mark.parametrize("stain", [0, 1, 2])
def test_the_amounts_are_multiplied_stain_by_stain(stain: int) -> None:
    amounts = np.random.default_rng(0).uniform(0.3, 0.6, (3, 6, 5))
    amounts[2] *= 0.1  # the rest; so that no density is negative
    basis = stain_basis()
    image = from_density(np.tensordot(basis, amounts, axes=1))
    transform = RandStainJitterd("image", prob=1.0, factor=0.3, shift=0).set_random_state(1)
    found = np.asarray(transform({"image": image})["image"], np.float64)
    measured = np.tensordot(np.linalg.inv(basis), to_density(found, white=1), axes=1)[stain] / amounts[stain]
    assert 0.7 <= measured.mean() <= 1.3 and measured.std() < 1e-3
    assert abs(measured.mean() - 1) > 1e-3


def test_images_of_an_item_are_stained_alike(image: np.ndarray) -> None:
    found = RandStainJitterd(["a", "b"], prob=1.0).set_random_state(0)({"a": image, "b": image})
    np.testing.assert_array_equal(found["a"], found["b"])


def test_images_that_other_augmentation_brightened_are_clipped_at_white(image: np.ndarray) -> None:
    np.testing.assert_allclose(jitter(image * 1.7), jitter(np.minimum(image * 1.7, 1)), atol=1e-6)


def test_values_stay_between_0_and_1_and_what_is_known_stays(image: np.ndarray) -> None:
    known = MetaTensor(image, meta={"filename_or_obj": "a.png"})
    transform = RandStainJitterd("image", prob=1.0, factor=0.9, shift=0.5)
    for seed in range(5):
        found = transform.set_random_state(seed)({"image": known})["image"]
        assert found.min() >= 0 and found.max() <= 1 and found.meta["filename_or_obj"] == "a.png"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prob": 2}, "prob is 2: choose a probability from 0 to 1"),
        ({"factor": 1}, "factor 1 must be 0 to below 1"),
        ({"shift": -1}, "shift -1 must be 0 or more"),
    ],
)
def test_options_are_checked(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RandStainJitterd("image", **options)


@pytest.mark.parametrize("bad", [np.zeros((1, 4, 4)), np.full((3, 4, 4), 255.0)], ids=["grey", "0..255"])
def test_images_that_are_not_in_parts_of_white_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="stain jitter is for red, green and blue in parts of white"):
        jitter(bad)
