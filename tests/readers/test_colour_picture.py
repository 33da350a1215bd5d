"""Of a colour picture no channel is taken by number; grey stored as RGB passes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.readers import BadFileError, read_image
from common.readers.colour_picture import is_coloured
from common.sample import make_image

SIZE = (96, 128)
DATA = Path(os.environ.get("NUCLEI_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not os.environ.get("NUCLEI_DATA"), reason="NUCLEI_DATA names no folder of images"
)


def section() -> np.ndarray:
    return make_image("he", SIZE, seed=1)[0]


def grey(seed: int = 1) -> np.ndarray:
    """Fluorescence as three equal channels."""
    return np.repeat(make_image("fluorescence", SIZE, seed=seed)[0], 3, axis=0)


def save(path: Path, picture: np.ndarray) -> Path:
    if path.suffix == ".tif":
        tifffile.imwrite(path, picture.transpose(1, 2, 0), photometric="rgb")
    else:
        Image.fromarray(picture.transpose(1, 2, 0)).save(
            path, **({"quality": 60} if path.suffix == ".jpg" else {})
        )
    return path


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (0, "channel 0 is the red"),
        ("0", "channel 0 is the red"),
        ([2], "channel 2 is the blue"),
        ("0,1", "channel 0 and 1 is the red and green"),
        (["R", 1], "channel 0 and 1 is the red and green"),
    ],
)
def test_a_channel_by_number_of_a_colour_picture_is_refused(
    tmp_path: Path, name: str, channels: object, said: str
) -> None:
    path = save(tmp_path / name, section())
    with pytest.raises(
        BadFileError,
        match=rf"{name} is a colour picture, of which {said}: choose --channels R, G or B; for H&E",
    ):
        read_image(path, channels=channels)


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
@pytest.mark.parametrize(
    ("channels", "numbers"),
    [
        (None, [0, 1, 2]),
        ("0,1,2", [0, 1, 2]),
        ([2, 1, 0], [2, 1, 0]),
        ("r", [0]),
        ("G,B", [1, 2]),
        ("b", [2]),
    ],
)
def test_all_of_them_or_some_by_name_are_read(
    tmp_path: Path, name: str, channels: object, numbers: list[int]
) -> None:
    path = save(tmp_path / name, section())
    assert (read_image(path, channels=channels).pixels == section()[numbers]).all()


def test_names_of_a_data_list_make_channels_of_colours(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", section())
    read = read_image(path, channels=1, channel_names=("actin", "tubulin", "DAPI"))
    assert (read.pixels[0] == section()[1]).all()


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
def test_grey_stored_as_rgb_passes(tmp_path: Path, name: str) -> None:
    assert read_image(save(tmp_path / name, grey()), channels=0).pixels.shape == (1, *SIZE)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_only_colour_that_holds_anything_is_named(tmp_path: Path, number: int) -> None:
    painted = grey() * (np.arange(3) == number).astype(np.uint8)[:, None, None]
    path = save(tmp_path / "x.png", painted)
    with pytest.raises(
        BadFileError, match=f"choose --channels {'RGB'[number]}, the only one that holds anything"
    ):
        read_image(path, channels=0)
    assert (read_image(path, channels="RGB"[number]).pixels[0] == painted[number]).all()


def test_a_few_blue_nuclei_are_colour_and_a_scale_bar_is_none() -> None:
    few = np.zeros((3, 400, 400), np.uint8)
    few[2, 200:212, 200:212] = 60
    assert is_coloured(few)
    with_bar = grey() // 4
    with_bar[:, 90:92, 90:120] = np.array([255, 0, 0])[:, None, None]
    assert not is_coloured(with_bar)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("factor", [1e-3, 16.0])
def test_the_unit_of_the_intensities_does_not_matter(dtype: str, factor: float) -> None:
    if dtype == "uint16" and factor < 1:
        factor = 256.0
    assert is_coloured((section() * factor).astype(dtype))
    assert not is_coloured((grey() * factor).astype(dtype))


def test_an_empty_picture_is_not_coloured() -> None:
    for picture in (
        np.zeros((3, 9, 9), np.uint8),
        np.zeros((3, 9, 9), np.float32),
        np.zeros((3, 1, 1), np.uint16),
    ):
        assert not is_coloured(picture)


@needs_data
@pytest.mark.parametrize("name", ["dsb2018_histology", "monuseg"])
def test_every_real_section_is_coloured(name: str) -> None:
    files = sorted((DATA / name / "images").iterdir())
    assert files and all(is_coloured(read_image(file).pixels) for file in files)


@needs_data
@pytest.mark.parametrize("quality", [20, 75])
def test_real_fluorescence_is_grey_though_a_jpeg_of_three_channels(tmp_path: Path, quality: int) -> None:
    for file in sorted((DATA / "dsb2018_fluo/images").iterdir())[::12]:
        Image.open(file).convert("RGB").save(tmp_path / "x.jpg", quality=quality)
        assert read_image(tmp_path / "x.jpg", channels=0).pixels.shape[0] == 1
