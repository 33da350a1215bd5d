"""The Kaggle layout comes back as the label maps it was made of."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.conversions import read_dataset

LABELS = np.zeros((30, 40), np.uint8)
LABELS[2:10, 3:9], LABELS[2:10, 9:14], LABELS[20:29, 30:39] = 1, 2, 3


def write_case(folder: Path, name: str, picture: np.ndarray, masks: list[np.ndarray]) -> None:
    (folder / name / "images").mkdir(parents=True)
    (folder / name / "masks").mkdir()
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    Image.fromarray(np.concatenate([picture, alpha], axis=2)).save(folder / name / "images" / f"{name}.png")
    for number, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name / "masks" / f"{number}.png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "stage1_train"
    grey = np.repeat((LABELS * 60)[:, :, None], 3, axis=2)
    masks = [label == LABELS for label in (1, 2, 3)]
    write_case(folder, "aa", grey, masks)
    write_case(folder, "bb", 255 - grey, masks[:1])
    write_case(folder, "cc", grey + np.array([90, 0, 40], np.uint8), masks)
    return folder


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "around", "kaggle"])
def test_folder_and_archives(source: Path, kind: str) -> None:
    given = {"folder": source, "around": source.parent}.get(kind)
    if kind in ("zip", "tar"):
        packed = shutil.make_archive(str(source.parent / "x"), {"tar": "gztar"}.get(kind, kind), source)
        given = Path(packed)
    if kind == "kaggle":
        inner = shutil.make_archive(str(source.parent / "stage1_train"), "zip", source)
        given = source.parent / "competition.zip"
        with zipfile.ZipFile(given, "w") as outer:
            outer.write(inner, "stage1_train.zip")
    assert given is not None
    read = {image.stem: image for image in read_dataset("bbbc038", given)}
    assert sorted(read) == ["aa", "bb", "cc"]
    assert (read["aa"].label_map == LABELS).all() and read["aa"].label_map.dtype == np.uint16
    assert {image.image.shape for image in read.values()} == {(3, 30, 40)}  # one is in colours


def test_parts_and_grey_pictures_of_one_channel(source: Path) -> None:
    (image,) = read_dataset("bbbc038", source, only="fluorescence")
    assert image.stem == "aa" and (image.image == LABELS[None] * 60).all()
    assert [found.stem for found in read_dataset("bbbc038", source, only="tissue")] == ["cc"]
    with pytest.raises(ValueError, match="no part 'flourescence': did you mean fluorescence"):
        list(read_dataset("bbbc038", source, only="flourescence"))


def test_small_nuclei_survive_and_specks_do_not(tmp_path: Path) -> None:
    big, small, both = (np.zeros((30, 40), bool) for _ in range(3))
    big[5:25, 5:30] = True
    small[10:14, 10:14] = True
    both[28, 38] = True
    write_case(tmp_path, "aa", np.zeros((30, 40, 3), np.uint8), [small, big | both])
    (image,) = read_dataset("bbbc038", tmp_path)
    assert (image.label_map[small] == 1).all()
    assert (image.label_map[big & ~small] == 2).all()
    assert image.label_map[28, 38] == 0


def test_mistakes(tmp_path: Path, source: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist: give --source"):
        list(read_dataset("bbbc038", tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no <id>/images and <id>/masks folders"):
        list(read_dataset("bbbc038", tmp_path / "empty"))
    (tmp_path / "x.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="neither a folder nor a whole archive"):
        list(read_dataset("bbbc038", tmp_path / "x.zip"))
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(source / "aa/masks/x.png")
    with pytest.raises(ValueError, match=r"x.png is .*3, 4"):
        list(read_dataset("bbbc038", source))
    with pytest.raises(ValueError, match="no reader for the data set 'bbbc38': did you mean bbbc038"):
        list(read_dataset("bbbc38", source))
