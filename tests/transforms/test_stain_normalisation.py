"""Laws of stain normalisation: two laboratories' images of one section become one, and no tile gives NaN."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.sample import make_image
from common.transforms import StainNormalised, from_density
from common.transforms.stain_density import METHODS, REFERENCE_STAINS

OTHER = np.array([[0.65, 0.09], [0.70, 0.95], [0.29, 0.28]])
each_method = pytest.mark.parametrize("method", METHODS)


def section(stains: np.ndarray, strength: tuple[float, float] = (1.0, 1.0), *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    nuclei = rng.random((64, 48)) < 0.3
    amounts = np.stack([nuclei * rng.uniform(1, 2, (64, 48)), ~nuclei * rng.uniform(0.8, 1.6, (64, 48))])
    stains = stains / np.linalg.norm(stains, axis=0)
    return 255 * from_density(np.tensordot(stains, amounts * np.reshape(strength, (2, 1, 1)), axes=1))


def normalised(image: np.ndarray, **options: object) -> np.ndarray:
    found = StainNormalised("image", **options)({"image": image})["image"]
    return np.asarray(found)


@each_method
def test_two_laboratories_images_of_one_section_become_one(method: str) -> None:
    ours, theirs = section(REFERENCE_STAINS), section(OTHER, (0.7, 1.3))
    before = np.abs(ours - theirs).mean() / 255
    after = np.abs(normalised(ours, method=method) - normalised(theirs, method=method)).mean()
    assert before > 0.05 and after < 0.2 * before, (before, after)


@each_method
def test_the_reference_itself_stays_as_it_is(method: str) -> None:
    image = section(OTHER)
    same = normalised(image, method=method, reference=image)
    np.testing.assert_allclose(same, image / 255, atol=0.02)


@each_method
def test_images_get_the_references_stains(method: str) -> None:
    reference = section(OTHER, (0.8, 1.2), seed=1)
    moved = normalised(section(REFERENCE_STAINS), method=method, reference=reference)
    expected = section(OTHER, (0.8, 1.2)) / 255
    assert np.abs(moved - expected).mean() < 0.02


def test_a_reference_may_be_a_file(tmp_path: Path) -> None:
    image = np.round(section(OTHER)).astype(np.uint8)
    other = section(REFERENCE_STAINS)
    expected = normalised(other, reference=image)
    for name in ("reference.png", "reference.tif"):
        Image.fromarray(np.moveaxis(image, 0, -1)).save(tmp_path / name)
        np.testing.assert_allclose(normalised(other, reference=tmp_path / name), expected, atol=1e-5)


@each_method
@pytest.mark.parametrize("value", [0.0, 1.0, 128.0, 255.0, np.nan, np.inf])
def test_tiles_without_tissue_come_out_as_they_are(method: str, value: float) -> None:
    tile = np.full((3, 20, 24), value, np.float32)
    expected = np.float32(value / 255 if np.isfinite(value) else 1.0)
    np.testing.assert_allclose(normalised(tile, method=method), expected, atol=1e-6)


@each_method
@pytest.mark.parametrize("seed", range(3))
def test_sections_give_finite_values_from_0_to_1(method: str, seed: int) -> None:
    image = make_image("he", (96, 80), seed=seed)[0]
    found = normalised(image, method=method)
    assert found.shape == image.shape and found.dtype == np.float32
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1
    # Dark stays dark: the order of the pixels' brightness hardly changes.
    grey, before = found.mean(axis=0).ravel(), image.mean(axis=0).ravel()
    assert np.corrcoef(grey, before)[0, 1] > 0.9


def test_what_is_known_of_an_image_stays() -> None:
    image = MetaTensor(torch.from_numpy(section(OTHER)), meta={"filename_or_obj": "a.png"})
    found = StainNormalised("image")({"image": image, "label": 3})
    assert found["label"] == 3 and found["image"].meta["filename_or_obj"] == "a.png"
    assert found["image"].dtype == torch.float32


def test_white_is_an_option() -> None:
    image = section(OTHER)
    np.testing.assert_allclose(normalised(image * 257, white=65535), normalised(image), atol=1e-5)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            np.zeros((1, 8, 8)),
            r"image has the shape \(1, 8, 8\): stains are told apart by red, green and blue",
        ),
        (np.zeros((4, 8, 8)), r"image has the shape \(4, 8, 8\): .*leave out an alpha channel"),
        (np.full((3, 8, 8), 4095), r"image has intensities up to 4095, above white 255: set white"),
    ],
)
def test_images_that_are_no_colour_pictures_are_refused(image: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        normalised(image)


def test_the_file_of_a_picture_that_is_refused_is_named() -> None:
    image = MetaTensor(torch.full((3, 8, 8), 4095.0), meta={"filename_or_obj": "folder/a.png"})
    with pytest.raises(ValueError, match=r"^folder/a\.png has intensities up to 4095"):
        StainNormalised("image")({"image": image})
    image.meta.clear()
    with pytest.raises(ValueError, match=r"^image has intensities up to 4095"):
        StainNormalised("image")({"image": image})


@each_method
def test_what_is_told_of_a_reference_stands_for_it(method: str) -> None:
    other = section(REFERENCE_STAINS)
    transform = StainNormalised("image", method=method, reference=section(OTHER, (0.8, 1.2), seed=1))
    expected = transform({"image": other})["image"]
    told = transform.reference()
    for numbers in (told, json.loads(json.dumps(told))):
        assert np.array_equal(normalised(other, method=method, reference=numbers), expected)
    assert not np.allclose(normalised(other, method=method), expected)


@pytest.mark.parametrize(
    "reference",
    [
        np.full((3, 64, 64), 255.0),
        255 - make_image("he", (96, 80), seed=0)[0],
        255 - section(REFERENCE_STAINS),
    ],
    ids=["white", "inverted section", "inverted"],
)
def test_a_reference_without_haematoxylin_and_eosin_is_refused(reference: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the stain reference does not show haematoxylin and eosin: give an"):
        StainNormalised("image", reference=np.ascontiguousarray(reference))


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="stain method 'reinhard' is unknown: choose one of macenko, vahadane"
    ):
        StainNormalised("image", method="reinhard")
    with pytest.raises(ValueError, match="white is 0: give the intensity of an empty slide, such as 255"):
        StainNormalised("image", white=0)
    with pytest.raises(FileNotFoundError, match="the stain reference .*none.png is not there: give the file"):
        StainNormalised("image", reference=tmp_path / "none.png")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "grey.png")
    with pytest.raises(ValueError, match=r"the stain reference .*grey.png has the shape \(1, 8, 8\)"):
        StainNormalised("image", reference=tmp_path / "grey.png")
