"""The layout of CoNSeP comes back as the images, label maps, classes and lists that it was made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from common.conversions import DatasetImage, read_dataset

TRUTH = np.zeros((24, 32), np.uint16)
TRUTH[2:8, 3:9], TRUTH[2:8, 9:14], TRUTH[12:18, 20:29] = 1, 2, 3
TYPES = np.choose(TRUTH, [0, 3, 7, 2])
TYPES[12, 20:29] = 0  # the class of most of its pixels counts, background does not


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "CoNSeP"
    for split, count in (("Train", 3), ("Test", 2)):
        for kind in ("Images", "Labels", "Overlay"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(1, count + 1):
            stem = f"{split.lower()}_{number}"
            for kind in ("Images", "Overlay"):
                picture = np.dstack([TRUTH.astype(np.uint8) * 9] * 3 + [np.full(TRUTH.shape, 255, np.uint8)])
                Image.fromarray(picture).save(folder / split / kind / f"{stem}.png")
            write_mat(folder / split / "Labels" / f"{stem}.mat")
    return folder


def write_mat(file: Path, **changed: np.ndarray) -> None:
    # As published: reals, nuclei whose numbers have gaps.
    content = {"inst_map": (TRUTH * 10).astype(float), "type_map": TYPES.astype(float)}
    content |= {"inst_type": np.array([[3.0], [7.0], [2.0]]), "inst_centroid": np.zeros((3, 2))} | changed
    savemat(file, {name: value for name, value in content.items() if value is not None})


def read(source: Path) -> list[DatasetImage]:
    return list(read_dataset("consep", source))


@pytest.mark.parametrize("kind", ["folder", "around", "archive"])
def test_folders_and_archives(source: Path, tmp_path: Path, kind: str) -> None:
    given = {"folder": source, "around": source.parent}.get(kind)
    if given is None:
        given = Path(shutil.make_archive(str(tmp_path / "consep_dataset"), "zip", source.parent, source.name))
    images = read(given)
    found = [(image.stem, image.split) for image in images]
    assert sorted(found) == [
        *(("test_1", "test"), ("test_2", "test")),
        *(("train_1", "training"), ("train_2", "training"), ("train_3", "training")),
    ]
    for image in images:
        assert (image.label_map == TRUTH).all() and image.extras == {"pixel_size_um": 0.25}
        assert image.classes == {1: "healthy epithelial", 2: "endothelial", 3: "inflammatory"}


def test_mistakes(source: Path) -> None:
    file = source / "Test/Labels/test_2.mat"
    write_mat(file, type_map=TYPES * 4)
    with pytest.raises(ValueError, match="test_2.mat: type_map has the class 28, but there are 7: download"):
        read(source)
    write_mat(file, inst_map=TRUTH[1:])
    with pytest.raises(ValueError, match=r"test_2.mat is \(23, 32\) pixels but its image is \(24, 32\)"):
        read(source)
    write_mat(file, inst_map=TRUTH - 0.5)
    with pytest.raises(ValueError, match="test_2.mat holds no labels 0, 1, 2 ...: download"):
        read(source)
    write_mat(file, type_map=None)
    with pytest.raises(ValueError, match="test_2.mat has no type_map: download the data set again"):
        read(source)
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"test_2.mat is no whole MATLAB file \(.*\): download the data set"):
        read(source)
    file.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(512))
    with pytest.raises(ValueError, match="test_2.mat is a MATLAB file of version 7.3, and older ones are"):
        read(source)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"test_2.png has no Labels/test_2.mat: unpack or download"):
        read(source)
    with pytest.raises(ValueError, match="holds no Train/Images and Test/Images"):
        read(source / "Train/Labels")
    with pytest.raises(ValueError, match="consep has no part 'x'"):
        list(read_dataset("consep", source, only="x"))
