"""By how much images are resized before the network."""

from __future__ import annotations

import math

import pytest

from common.geometry import AUTO_DIAMETER, IGNORE, ModelScale, model_scale


@pytest.mark.parametrize("size", [0.1, 0.25, 0.5, 1.3])
def test_every_known_image_ends_at_the_models_pixel_size(size: float) -> None:
    scale = model_scale(0.5, scale=3.0)
    assert size / scale.factor(size) == pytest.approx(0.5)


@pytest.mark.parametrize("unknown", [None, math.nan, 0.0, -1.0, math.inf])
def test_only_images_of_unknown_size_take_the_scale(unknown: float | None) -> None:
    assert model_scale(0.5, scale=3.0).factor(unknown) == 3.0
    assert model_scale(0.5).factor(unknown) == 1.0


@pytest.mark.parametrize("size", [None, IGNORE])
def test_without_a_pixel_size_of_the_model_nothing_happens(size: str | None) -> None:
    assert model_scale(size).factor(0.01) == model_scale(size).factor(None) == 1.0


@pytest.mark.parametrize("diameter", [5.0, 20.0, 33.3])
def test_nuclei_of_a_diameter_get_that_of_the_model(diameter: float) -> None:
    factor = model_scale(diameter_px=diameter, model_diameter_px=20.0).factor()
    assert diameter * factor == pytest.approx(20.0)


def test_a_hundredth_is_not_worth_resampling() -> None:
    assert ModelScale(0.5).factor(0.502) == 1.0 != ModelScale(0.5).factor(0.51)


def test_both_scale_and_diameter_are_refused() -> None:
    with pytest.raises(ValueError, match="--scale 2 and --diameter_px 40 .*: give one"):
        model_scale(scale=2, diameter_px=40, model_diameter_px=20)


def test_a_diameter_needs_that_of_the_model() -> None:
    with pytest.raises(ValueError, match="give --model_diameter_px too"):
        model_scale(diameter_px=40)


@pytest.mark.parametrize("factor", [8.1, 1 / 8.1])
def test_what_cannot_be_meant_is_refused_by_name(factor: float) -> None:
    with pytest.raises(ValueError, match=r"^a\.tif would be resized by .*model's 0\.5 µm: correct"):
        ModelScale(0.5).factor(0.5 * factor, name="a.tif")
    with pytest.raises(ValueError, match=r"^a\.tif would be resized by .*: check --scale"):
        ModelScale(scale=factor).factor(name="a.tif")


def test_an_automatic_diameter_is_searched_where_no_pixel_size_tells_it() -> None:
    auto = model_scale(0.5, diameter_px=AUTO_DIAMETER, model_diameter_px=20)
    assert auto.searched_diameter_px == 20
    assert (auto.searches(None), auto.factor(None)) == (True, 1.0)
    assert (auto.searches(0.25), auto.factor(0.25)) == (False, 0.5)
    # Without a pixel size of the model, those of images say nothing.
    assert model_scale(IGNORE, diameter_px=AUTO_DIAMETER, model_diameter_px=20).searches(0.25)
    for other in (model_scale(), model_scale(scale=2), model_scale(diameter_px=40, model_diameter_px=20)):
        assert not other.searches(None)


def test_an_automatic_diameter_is_refused_as_a_number_is() -> None:
    with pytest.raises(ValueError, match="--scale 2 and --diameter_px auto both resize .*: give one"):
        model_scale(scale=2, diameter_px=AUTO_DIAMETER, model_diameter_px=20)
    with pytest.raises(ValueError, match="--diameter_px auto cannot be used, .*give --model_diameter_px too"):
        model_scale(diameter_px=AUTO_DIAMETER)
    with pytest.raises(ValueError, match="--diameter_px is 'Auto': give a number of pixels, or auto"):
        model_scale(diameter_px="Auto", model_diameter_px=20)
