"""An image is run again where its nuclei are not as large as the training's, and only there.

The network is the identity and finds discs of any size; what it cannot see, the decoder of a test leaves out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from common.engine.segmentation import SizeSearch, size_search
from common.geometry import SEARCH_KEY
from common.transforms import resample_image

TRAINED_PX, ACCEPTED_PX = 20.0, (12.0, 60.0)


def components(maps: np.ndarray) -> np.ndarray:
    found, _ = ndimage.label(maps[0] > 0.5)
    return np.asarray(found)


def near_sighted(largest_px: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a decoder by which nuclei above a diameter fall into squares of half of it."""

    def decode(maps: np.ndarray) -> np.ndarray:
        found = components(maps)
        areas = np.bincount(found.ravel())[1:]
        if not len(areas) or np.median(areas) <= np.pi / 4 * largest_px**2:
            return found
        edge = int(largest_px / 2)
        rows, columns = np.indices(found.shape) // (edge + 1)
        return np.where(found > 0, 1 + rows * 1000 + columns, 0)

    return decode


def image_of(diameter: float, *, count: int = 9, **meta: Any) -> MetaTensor:
    """Return an image of discs, the first batch of one."""
    side, pitch = int(count**0.5), int(2 * diameter) + 8
    rows, columns = np.ogrid[:pitch, :pitch]
    disc = (rows - pitch / 2) ** 2 + (columns - pitch / 2) ** 2 <= (diameter / 2) ** 2
    pixels = torch.from_numpy(np.tile(disc, (side, side)).astype(np.float32))
    meta = {SEARCH_KEY: torch.tensor([True]), "filename_or_obj": ["folder/a.tif"], **meta}
    return MetaTensor(pixels[None, None], meta=meta)


class Passes:
    """An inferer that notes by what each image was resized."""

    def __init__(self) -> None:
        self.widths: list[int] = []

    def __call__(self, inputs: torch.Tensor, network: Callable[..., torch.Tensor]) -> torch.Tensor:
        self.widths.append(inputs.shape[-1])
        return network(inputs)

    def factors(self, image: torch.Tensor) -> list[float]:
        return [round(width / image.shape[-1], 2) for width in self.widths]


def search(
    image: torch.Tensor, decoder: Callable[[np.ndarray], np.ndarray] = components, **options: Any
) -> tuple[list[float], torch.Tensor]:
    """Return by what the image was resized in each pass, and the maps."""
    passes = Passes()
    options = {"diameter_px": TRAINED_PX, "accepted_px": ACCEPTED_PX, **options}
    found = SizeSearch(passes, decoder, resample=resample_image, **options)(image, torch.nn.Identity())
    return passes.factors(image), found


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "common.engine.segmentation")
    return caplog


@pytest.mark.parametrize("diameter", [6.0, 8.0, 80.0, 120.0])
def test_nuclei_of_another_size_get_that_of_the_training(diameter: float, told) -> None:
    image = image_of(diameter)
    factors, maps = search(image)
    assert factors == [1.0, pytest.approx(TRAINED_PX / diameter, rel=0.06)]
    assert maps.shape[-1] / image.shape[-1] == pytest.approx(factors[1], abs=0.01)
    (line,) = told.messages
    assert line.startswith("a.tif: nuclei of ") and "the training's had 20: " in line
    assert line.endswith("times") if diameter < TRAINED_PX else line.endswith("times smaller")


@pytest.mark.parametrize(("diameter", "passes"), [(14.0, 1), (20.0, 1), (23.0, 1), (40.0, 2)])
def test_what_is_near_enough_is_taken_as_it_is(diameter: float, passes: int, told) -> None:
    image = image_of(diameter)
    factors, maps = search(image)
    assert len(factors) == passes and max(factors) == 1.0
    assert torch.equal(maps, image)
    assert "near enough to the training's 20: taken as it is" in told.messages[0]


def test_pieces_of_large_nuclei_are_seen_through() -> None:
    """Large nuclei fall into pieces of an accepted size, which alone would say that all is well."""
    image = image_of(150.0)
    factors, maps = search(image, near_sighted(80.0))
    assert factors[0] == 1.0 and factors[1] > 2 * factors[2], "pieces in the first pass, nuclei in the third"
    assert factors[-1] == pytest.approx(TRAINED_PX / 150, rel=0.1)
    assert components(np.asarray(maps[0])).max() == 9


@pytest.mark.parametrize(("diameter", "factor"), [(3.0, 4.0), (240.0, 1 / 8)])
def test_factors_are_bounded(diameter: float, factor: float, told) -> None:
    factors, _ = search(image_of(diameter), diameter_px=TRAINED_PX * (1 if diameter < 20 else 0.5))
    assert factors == [1.0, pytest.approx(factor, rel=0.05)]
    assert told.messages[0].endswith("which is as far as it goes")


def test_an_image_is_enlarged_no_more_than_memory_carries(monkeypatch, told) -> None:
    image = image_of(6.0)
    area = image.shape[-1] ** 2
    asked = []

    def fits(pixels: int, *, channels: int) -> int:
        asked.append((pixels / area, channels))
        return min(pixels, 4 * area)

    monkeypatch.setattr(size_search, "fitting_pixels", fits)
    assert search(image)[0] == [1.0, 2.0]
    assert asked[0] == (pytest.approx((TRAINED_PX / 6) ** 2, rel=0.15), 1)
    assert "enlarged 2 times, which is as far as it goes" in told.messages[0]
    monkeypatch.setattr(size_search, "fitting_pixels", lambda pixels, *, channels: area // 2)
    factors, maps = search(image)
    assert set(factors) == {1.0} and torch.equal(maps, image), "not made smaller for want of memory"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_nuclei_tell_no_size(count: int, told) -> None:
    image = image_of(6.0, count=max(count, 1))
    image = image if count else torch.zeros_like(image)
    factors, maps = search(image)
    assert factors == [1.0] and torch.equal(maps, image)
    assert told.messages[0].startswith(f"a.tif: {count} whole nuclei, too few")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_maps_that_are_not_finite_are_not_decoded(value: float) -> None:
    image = image_of(6.0)
    image[..., 0, 0] = value

    def decode(maps: np.ndarray) -> np.ndarray:
        raise AssertionError("some decoders crash there")

    factors, _ = search(image, decode)
    assert factors == [1.0]


def test_what_is_not_found_again_is_left_as_it_was(told) -> None:
    image = image_of(6.0)
    small = image.shape[-1]

    def once(maps: np.ndarray) -> np.ndarray:
        return components(maps) * (maps.shape[-1] == small)

    factors, maps = search(image, once)
    assert factors[0] == factors[-1] == 1.0 and torch.equal(maps, image)
    assert "not found again at the training's 20: taken as it is" in told.messages[0]


def test_other_images_are_the_inferers_alone(told) -> None:
    for image in (image_of(6.0, **{SEARCH_KEY: torch.tensor([False])}), torch.Tensor(image_of(6.0))):
        factors, maps = search(image)
        assert factors == [1.0] and torch.equal(torch.Tensor(maps), torch.Tensor(image))
    assert not told.messages


def test_images_together_cannot_be_searched() -> None:
    with pytest.raises(ValueError, match="2 images at once"):
        search(torch.cat([image_of(6.0)] * 2))
