"""Laws of scaling by percentiles: the unit of the intensities does not matter, and no image gives NaN."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import ScaleIntensityRangePercentiles

from common.sample import make_image
from common.transforms import ScalePercentilesd, scale_percentiles


@pytest.fixture(scope="module", params=["fluorescence", "multiplex", "he"])
def image(request: pytest.FixtureRequest) -> np.ndarray:
    return make_image(request.param, (96, 80), seed=0)[0]


def test_equals_monais_on_ordinary_images(image: np.ndarray) -> None:
    peer = ScaleIntensityRangePercentiles(0.5, 99.8, 0, 1, clip=False, channel_wise=True)
    np.testing.assert_allclose(
        scale_percentiles(image), np.asarray(peer(image.astype(np.float32))), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("lower", "upper"), [(0.5, 99.8), (0, 100), (10, 60)])
def test_the_percentiles_become_0_and_1(image: np.ndarray, lower: float, upper: float) -> None:
    scaled = scale_percentiles(image, lower=lower, upper=upper)
    assert scaled.shape == image.shape and scaled.dtype == np.float32
    for channel in scaled:
        assert np.percentile(channel, [lower, upper]) == pytest.approx([0, 1], abs=1e-5)


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1e-6, 0), (257, 0), (3, -200), (0.1, 1000)])
def test_brightness_and_contrast_of_a_picture_do_not_matter(
    image: np.ndarray, factor: float, offset: float
) -> None:
    changed = image.astype(np.float64) * factor + offset * factor
    np.testing.assert_allclose(scale_percentiles(changed), scale_percentiles(image), atol=2e-3)


def test_the_order_of_intensities_stays(image: np.ndarray) -> None:
    scaled = scale_percentiles(image)
    for before, after in zip(image, scaled, strict=True):
        order = np.argsort(before, axis=None, kind="stable")
        assert (np.diff(after.ravel()[order]) >= 0).all()
        assert len(np.unique(after)) == len(np.unique(before)), "intensities were clipped"


def test_every_channel_by_itself(image: np.ndarray) -> None:
    stack = np.concatenate([image, image[:1] * 0.5 + 7, np.zeros_like(image[:1])])
    alone = np.concatenate([scale_percentiles(channel[None]) for channel in stack])
    np.testing.assert_array_equal(scale_percentiles(stack), alone)


@pytest.mark.parametrize("value", [0, -3, 7, 65535, 1e30])
def test_constant_images_become_0(value: float) -> None:
    assert not scale_percentiles(np.full((2, 9, 11), value)).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_count_as_the_lowest(image: np.ndarray, value: float) -> None:
    broken = image.astype(np.float32) - 100
    broken[:, 3:9, 4] = np.nan
    mended = broken.copy()
    mended[:, 3:9, 4] = np.nanmin(broken, axis=(1, 2))[:, None]
    broken[:, 3:9, 4] = value
    np.testing.assert_array_equal(scale_percentiles(broken), scale_percentiles(mended))
    assert not scale_percentiles(np.full((1, 5, 5), value)).any()


def test_few_bright_pixels_do_not_make_the_rest_bright() -> None:
    image = np.full((1, 100, 100), 50.0)
    image[0, 40, 40:44] = (
        250,
        450,
        450,
        450,
    )  # four of ten thousand: less than the upper percentile leaves out
    scaled = scale_percentiles(image)
    assert scaled.max() == 1 and scaled[0, 40, 40] == pytest.approx(0.5) and (scaled > 0).sum() == 4


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, lambda a: MetaTensor(torch.from_numpy(a))])
def test_the_transform_is_the_function_and_keeps_what_is_known(image: np.ndarray, wrap: type) -> None:
    given = wrap(image.astype(np.int32))
    if isinstance(given, MetaTensor):
        given.meta["filename"] = "a.tif"
    result = ScalePercentilesd("image", lower=1, upper=99)({"image": given, "label": 5})
    assert type(result["image"]) is type(given) and result["label"] == 5
    assert result["image"].dtype in (torch.float32, np.float32)
    np.testing.assert_array_equal(np.asarray(result["image"]), scale_percentiles(image, lower=1, upper=99))
    np.testing.assert_array_equal(np.asarray(given), image)
    if isinstance(given, MetaTensor):
        assert result["image"].meta["filename"] == "a.tif"


@pytest.mark.parametrize(("lower", "upper"), [(99, 1), (50, 50), (-1, 99), (0, 101)])
def test_percentiles_out_of_order_are_named(lower: float, upper: float) -> None:
    with pytest.raises(ValueError, match=f"percentiles {lower} and {upper}"):
        ScalePercentilesd("image", lower=lower, upper=upper)


def test_an_image_without_a_channel_left_is_refused_where_asked() -> None:
    empty = MetaTensor(torch.full((2, 5, 6), 7.0), meta={"filename_or_obj": "a.tif"})
    words = "a.tif has no channel left: each of its 2 is constant: leave the image out"
    with pytest.raises(ValueError, match=words):
        ScalePercentilesd("image", refuse_empty=True)({"image": empty})
    assert not ScalePercentilesd("image")({"image": empty})["image"].any()
    one = torch.cat([empty, torch.rand(1, 5, 6)])
    assert ScalePercentilesd("image", refuse_empty=True)({"image": one})["image"].any()
