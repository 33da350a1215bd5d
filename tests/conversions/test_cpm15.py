"""The layout of CPM-15 comes back as the images, label maps and pixel sizes that it was made of."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.conversions import read_dataset

TRUTH = np.zeros((5, 7), np.int64)
TRUTH[0:2, 1:3], TRUTH[0:2, 3:5], TRUTH[3, 2:6] = 1, 2, 9
SHAPES = {"image04": (5, 6), "image05": (4, 7), "image07": (5, 7), "image08": (5, 7)}


def write_text(folder: Path, stem: str, labels: np.ndarray) -> None:
    numbers = "\n".join(map(str, labels.ravel()))
    (folder / f"{stem}_mask.txt").write_text(f"{labels.shape[1]} {labels.shape[0]}    \n{numbers}\n")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "MICCAI_competition_dataset"
    folder.mkdir()
    for stem, (height, width) in SHAPES.items():
        labels = TRUTH[:height, :width]
        Image.fromarray(np.dstack([labels.astype(np.uint8) * 9] * 3)).save(folder / f"{stem}.png")
        Image.new("RGB", (width, height)).save(folder / f"{stem}_poly.png")
        write_text(folder, stem, labels)
    return folder


def truth_of(stem: str) -> np.ndarray:
    height, width = SHAPES[stem]
    return np.where(TRUTH == 9, 3, TRUTH)[:height, :width]


def test_images_texts_and_pixel_sizes(source: Path) -> None:
    images = {image.stem: image for image in read_dataset("cpm15", source.parent)}
    assert list(images) == list(SHAPES)
    for stem, image in images.items():
        assert image.image == source / f"{stem}.png" and (image.label_map == truth_of(stem)).all()
        far = stem == "image08"
        assert image.extras == {"platform": "40x" if far else "20x", "pixel_size_um": 0.25 if far else 0.5}
    assert [image.stem for image in read_dataset("cpm15", source, only="40x")] == ["image08"]


def test_exchanged_texts_are_told_by_their_size(source: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_text(source, "image04", TRUTH[:4, :7])
    write_text(source, "image05", TRUTH[:5, :6])
    with caplog.at_level(logging.WARNING):
        images = {image.stem: image for image in read_dataset("cpm15", source)}
    assert all((image.label_map == truth_of(stem)).all() for stem, image in images.items())
    assert "image05_mask.txt is taken for image04.png" in caplog.text
    write_text(source, "image05", TRUTH[:3, :6])
    with pytest.raises(ValueError, match=r"image04_mask.txt is \(4, 7\) pixels but its image is \(5, 6\)"):
        list(read_dataset("cpm15", source))


@pytest.mark.parametrize("text", ["7 5\n0\n1\n", "7 5" + "\nx" * 35, ""])
def test_a_text_that_is_no_label_map(source: Path, text: str) -> None:
    (source / "image07_mask.txt").write_text(text)
    with pytest.raises(ValueError, match=r"image07_mask.txt is .*: get the data set again"):
        list(read_dataset("cpm15", source))


def test_mistakes(source: Path) -> None:
    with pytest.raises(ValueError, match="cpm15 has no part '10x': give --only 20x or --only 40x"):
        list(read_dataset("cpm15", source, only="10x"))
    write_text(source, "image08", TRUTH - 1)
    with pytest.raises(ValueError, match="image08_mask.txt has the label -1, below 0"):
        list(read_dataset("cpm15", source))
    (source / "image07_mask.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"image07.png has no image07_mask.txt: get"):
        list(read_dataset("cpm15", source))
    (source / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no image01.png, image02.png ...: give --source"):
        list(read_dataset("cpm15", source / "empty"))
