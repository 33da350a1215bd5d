"""Any image becomes something that a screen can show."""

from __future__ import annotations

import numpy as np
import pytest

from common.export import display_image
from common.export.display import is_brightfield

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_every_type_and_number_of_channels_uses_the_whole_range(dtype: type, channels: int) -> None:
    image = (RNG.random((channels, 60, 70)) * 200).astype(dtype)
    shown = display_image(image)
    assert shown.shape == (60, 70, 3) and shown.dtype == np.uint8
    assert shown.min() < 100 and shown.max() > 150


def test_brightness_and_contrast_of_the_camera_do_not_matter() -> None:
    image = RNG.random((1, 60, 70))
    assert np.abs(display_image(image).astype(int) - display_image(image * 3000 + 120).astype(int)).max() <= 1


@pytest.mark.parametrize("value", [0.0, 1e-9, 255.0, -3.0])
def test_a_constant_image_is_even_and_dark(value: float) -> None:
    assert np.unique(display_image(np.full((1, 9, 9), value))).tolist() == [51]


def test_pixels_that_are_no_numbers_disturb_nothing() -> None:
    image = RNG.random((1, 30, 30))
    image[0, 3, 3], image[0, 4, 4], image[0, 5, 5] = np.nan, np.inf, -np.inf
    assert display_image(image).std() > 20


def test_one_nucleus_in_a_large_dark_field_is_seen() -> None:
    image = np.zeros((1, 400, 400), dtype=np.uint16)
    image[0, 100:103, 100:103] = 4000
    assert display_image(image)[101, 101].tolist() == [255, 255, 255]


def test_grey_stays_grey_and_a_stained_section_keeps_its_hue() -> None:
    grey = display_image(RNG.random((1, 20, 20)))
    assert np.array_equal(grey[..., 0], grey[..., 2])
    section = np.full((3, 50, 50), 235, dtype=np.uint8)
    section[:, 10:15, 10:30] = np.array([80, 50, 130])[:, None, None]
    assert is_brightfield(section)
    red, green, blue = display_image(section)[12, 20].astype(int)
    assert blue > red > green


def test_fluorescence_is_not_taken_for_a_stained_section() -> None:
    image = RNG.poisson(4, (3, 50, 50)).astype(np.uint16)
    image[2, 10:20, 10:20] += 800
    assert not is_brightfield(image)
    shown = display_image(image)
    assert np.array_equal(shown[..., 0], shown[..., 2])
    assert shown[15, 15].mean() > shown[40, 40].mean() + 50


@pytest.mark.parametrize("shape", [(20, 20), (0, 20, 20), (1, 1, 20, 20)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    # jaxtyping says it during the tests, the function's own sentence elsewhere.
    with pytest.raises(Exception, match="channels|shape|parameter"):
        display_image(np.zeros(shape))
