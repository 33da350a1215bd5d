"""Files as real instruments and programs write them; they lie in the folder that NUCLEI_DATA names."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.datalists import RunData, list_images, load_datalist
from common.readers import probe, read_image, read_labels

DATA = Path(os.environ.get("NUCLEI_DATA") or "nowhere")
pytestmark = pytest.mark.skipif(
    not os.environ.get("NUCLEI_DATA"), reason="NUCLEI_DATA does not name a folder of real images"
)


@pytest.mark.parametrize(
    ("name", "shape", "names", "pixel_size_um"),
    [
        ("small_HE.svs", (3, 2967, 2220), ("R", "G", "B"), 0.499),
        ("small_vectra.qptiff", (3, 1440, 1920), ("DAPI", "FITC", "Cy3"), 0.4965),
        ("HE_example.tif", (3, 1484, 1380), ("R", "G", "B"), 0.5001),
        ("Fluorescence_example.tif", (2, 450, 450), ("0", "1"), None),
        ("stardist_img2d.tif", (1, 512, 512), ("0",), None),
    ],
)
def test_files_of_instruments(name: str, shape: tuple, names: tuple, pixel_size_um: float | None) -> None:
    header, image = probe(DATA / "io_samples" / name), read_image(DATA / "io_samples" / name)
    assert header.shape == image.pixels.shape == shape
    assert header.dtype == image.pixels.dtype
    assert image.channel_names == names
    assert image.pixel_size_um == (None if pixel_size_um is None else pytest.approx(pixel_size_um, rel=1e-3))
    assert all(plane.std() > 0 for plane in image.pixels)


def test_labels_lie_on_their_nuclei() -> None:
    image = read_image(DATA / "io_samples/stardist_img2d.tif").pixels[0]
    labels = read_labels(DATA / "io_samples/stardist_mask2d.tif")
    assert image[labels > 0].mean() > 2 * image[labels == 0].mean()
    assert image[labels[::-1] > 0].mean() < image[labels > 0].mean()  # not so upside down


def test_one_channel_of_a_qptiff_by_name_is_that_of_the_whole_image() -> None:
    path = DATA / "io_samples/small_vectra.qptiff"
    assert (read_image(path, channels="cy3").pixels[0] == read_image(path).pixels[2]).all()


def test_names_of_a_multiplex_set_are_those_of_each_image() -> None:
    items = load_datalist(DATA / "e2f_multiplex", "training", channels="DAPI")
    assert {tuple(item["channels"])[0] for item in items} == {"DAPI"} and len(items) == 26
    with pytest.raises(ValueError, match="has no channel DAPY: did you mean DAPI"):
        load_datalist(DATA / "e2f_multiplex", "training", channels="DAPY")


def test_a_set_of_443_images_is_checked_in_seconds() -> None:
    start = time.process_time()  # not the clock on the wall: other tests may share the processor
    assert len(load_datalist(DATA / "dsb2018_fluo", "training")) == 443
    assert time.process_time() - start < 4  # 0.5 s without the checks of types that tests run under
    assert len(list_images(DATA / "dsb2018_fluo")) == 541


@pytest.mark.parametrize(("name", "group"), [("e2f_multiplex", "slide"), ("monuseg", "patient")])
def test_no_slide_and_no_patient_of_a_real_set_is_in_two_folds(name: str, group: str) -> None:
    tested = [RunData(DATA / name, fold=fold, folds=4).items("test") for fold in range(4)]
    groups = [{item[group] for item in items} for items in tested]
    assert all(groups) and sum(map(len, groups)) == len(set().union(*groups))
    images = [item["image"] for items in tested for item in items]
    assert len(images) == len(set(images)) == len(list_images(DATA / name))


def test_an_empty_list_of_a_real_set() -> None:
    with pytest.raises(ValueError, match=r"training \(19 images\) or validation \(5 images\)"):
        load_datalist(DATA / "monuseg", "test")


def test_plain_pictures_agree_with_pillow() -> None:
    for name in ("monuseg", "dsb2018_fluo", "dsb2018_histology"):
        path = next(iter(list_images(DATA / name).values()))
        with Image.open(path) as picture:
            expected = np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)
        assert (read_image(path).pixels == expected).all()
