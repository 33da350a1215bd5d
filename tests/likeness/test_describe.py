"""The numbers that describe an image and the nuclei in it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from common.likeness import describe_image
from common.sample import make_image


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return discs(radius=6)


def discs(*, radius: int, side: int = 120, channels: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return bright discs on a dark ground, and their label map."""
    rows, columns = np.indices((side, side))
    label_map = np.zeros((side, side), np.int32)
    for number, (row, column) in enumerate([(30, 30), (30, 90), (90, 30), (90, 90)], start=1):
        row, column = row * side // 120, column * side // 120
        label_map[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = 5 * number
    noise = np.random.default_rng(0).normal(size=(channels, side, side))
    return 10.0 * (label_map > 0) + noise, label_map


def test_unit_and_offset_of_each_channel_do_not_matter(drawn):
    image, label_map = drawn
    other = image * np.array([100.0, 0.01])[:, None, None] + np.array([-7.0, 3000.0])[:, None, None]
    one, two = describe_image(image, label_map), describe_image(other, label_map)
    assert one.keys() == two.keys() and one == pytest.approx(two, abs=1e-4)


def test_every_number_is_what_it_is_said_to_be(drawn):
    image, label_map = drawn
    numbers = describe_image(image, label_map)
    assert numbers["foreground_share"] == np.mean(label_map > 0)
    assert numbers["nuclei_per_megapixel"] == pytest.approx(4e6 / label_map.size)
    assert numbers["nucleus_diameter_px"] == pytest.approx(12, abs=0.5)
    assert numbers["contrast_0"] > 0.5 > numbers["brightness_0"] > 0
    assert numbers["colour_0_1"] > 0.5  # the same discs in both
    turned = describe_image(-image, label_map)
    assert turned["contrast_0"] < -0.5 and turned["brightness_0"] > 0.5


def test_the_networks_pixels_count(drawn):
    """A small image that is enlarged before the network is described as the large one."""
    image, label_map = drawn
    small, large = describe_image(image, label_map, scale=2.0), describe_image(*discs(radius=12, side=240))
    for name in ("foreground_share", "nuclei_per_megapixel", "nucleus_diameter_px"):
        assert small[name] == pytest.approx(large[name], rel=0.05), name


def test_noise_is_told_from_what_has_a_form(drawn):
    noise = np.random.default_rng(1).poisson(5, size=(1, 96, 96))
    assert abs(describe_image(noise)["smoothness_0"]) < 0.05
    assert describe_image(drawn[0])["smoothness_0"] > 0.3


def test_shades_are_told_from_nuclei(drawn):
    """Empty glass is seldom lit evenly."""
    shaded = np.linspace(200, 240, 120)[None, None] + np.random.default_rng(1).normal(size=(1, 120, 120))
    assert describe_image(shaded)["coarseness_0"] > 0.9 > 0.3 > describe_image(drawn[0])["coarseness_0"]


@pytest.mark.parametrize(
    "image",
    [np.zeros((1, 9, 9)), np.full((3, 1, 1), 7), np.full((1, 4, 4), np.nan), np.ones((1, 300, 1), bool)],
)
def test_images_without_anything_have_finite_numbers(image):
    numbers = describe_image(image, np.zeros(image.shape[1:], int))
    assert all(map(math.isfinite, numbers.values()))
    assert numbers["spread_0"] == 0 and numbers["foreground_share"] == 0
    assert "nucleus_diameter_px" not in numbers and "contrast_0" not in numbers


def test_a_large_image_is_described_by_a_part_of_its_pixels():
    image, label_map = discs(radius=6)
    tiled = describe_image(np.tile(image, (1, 5, 5)), np.tile(label_map, (5, 5)))
    for name, value in describe_image(image, label_map).items():
        if name not in ("nuclei_per_megapixel", "nucleus_diameter_px"):  # labels repeat
            assert tiled[name] == pytest.approx(value, abs=0.03), name


def test_a_colour_image_is_described_by_its_stains_too():
    image, label_map = make_image("he", seed=0, shape=(96, 96))
    numbers = describe_image(image, label_map)
    assert {"colour_0_1", "colour_0_2", "colour_1_2", "contrast_2"} <= numbers.keys()
