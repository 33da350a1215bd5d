"""The layout of PanNuke comes back as the images, label maps, classes, tissues and folds it was made of."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from common.conversions import DatasetImage, read_dataset

COUNTS, TISSUES = {1: 3, 2: 2, 3: 2}, ["Breast", "Bile-duct", "Breast"]
SIZE = 16
TRUTH = np.zeros((SIZE, SIZE), np.uint16)
TRUTH[2:6, 1:5], TRUTH[2:6, 5:9], TRUTH[9:14, 9:15] = 1, 2, 3
IMAGE = np.arange(SIZE * SIZE * 3).reshape(SIZE, SIZE, 3) % 256


def arrays(count: int) -> dict[str, np.ndarray]:
    """Make the arrays of a fold as they are published: reals, and numbers that classes use anew."""
    masks = np.zeros((count, SIZE, SIZE, 6))
    masks[:, :, :, 0] = np.choose(TRUTH, [0, 4, 9, 0])  # two neoplastic nuclei that touch
    masks[:, :, :, 4] = np.choose(TRUTH, [0, 0, 0, 4])  # an epithelial one with a number of theirs
    masks[:, :, :, 5] = TRUTH == 0
    images = np.repeat(IMAGE[None].astype(float), count, axis=0)
    return {"images": images, "masks": masks, "types": np.array(TISSUES[:count])}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "pannuke"
    for fold, count in COUNTS.items():
        for part, array in arrays(count).items():
            inside = folder / f"Fold {fold}" / ("masks" if part == "masks" else "images") / f"fold{fold}"
            inside.mkdir(parents=True, exist_ok=True)
            np.save(inside / f"{part}.npy", array)
    return folder


def archives(source: Path, target: Path) -> Path:
    for fold in COUNTS:
        shutil.make_archive(str(target / f"fold_{fold}"), "zip", source, f"Fold {fold}")
    return target


def read(source: Path, **options: str) -> list[DatasetImage]:
    return list(read_dataset("pannuke", source, **options))


@pytest.mark.parametrize("kind", ["folder", "archives"])
def test_folders_and_archives(source: Path, tmp_path: Path, kind: str) -> None:
    images = read(source if kind == "folder" else archives(source, tmp_path / "downloads"))
    assert [(image.stem, image.fold) for image in images] == [
        (f"fold{fold}_{row:04d}", fold) for fold, count in COUNTS.items() for row in range(count)
    ]
    assert [image.extras["tissue"] for image in images[:3]] == TISSUES
    for image in images:
        assert isinstance(image.image, np.ndarray) and image.image.dtype == np.uint8
        assert (image.image == IMAGE.transpose(2, 0, 1)).all() and (image.label_map == TRUTH).all()
        assert image.classes == {1: "neoplastic", 2: "neoplastic", 3: "epithelial"}
        assert image.extras["pixel_size_um"] == 0.25


def test_one_fold_and_one_tissue(source: Path, tmp_path: Path) -> None:
    archive = archives(source, tmp_path / "downloads") / "fold_2.zip"
    assert [image.stem for image in read(archive)] == ["fold2_0000", "fold2_0001"]
    chosen = read(source, only="Breast")
    assert [image.stem for image in chosen] == ["fold1_0000", "fold1_0002", "fold2_0000", "fold3_0000"]
    with pytest.raises(ValueError, match="pannuke has no part 'breast': did you mean Breast"):
        read(source, only="breast")


def test_a_small_nucleus_of_another_class_lies_on_top(source: Path) -> None:
    content = arrays(2)
    content["masks"][:, 3, 2, 1] = 1
    np.save(source / "Fold 2/masks/fold2/masks.npy", content["masks"])
    image = next(image for image in read(source) if image.fold == 2)
    label = int(image.label_map[3, 2])
    assert image.classes[label] == "inflammatory" and (image.label_map == label).sum() == 1


def test_mistakes(source: Path, tmp_path: Path) -> None:
    masks = source / "Fold 3/masks/fold3/masks.npy"
    np.save(masks, arrays(3)["masks"])
    with pytest.raises(ValueError, match=r"masks.npy has the shape \(3, .*, not \(2, .* 6\): put the files"):
        read(source)
    np.save(masks, np.asfortranarray(arrays(2)["masks"]))
    with pytest.raises(ValueError, match="masks.npy is not stored row by row"):
        read(source)
    np.save(masks, arrays(2)["masks"])
    masks.write_bytes(masks.read_bytes()[:-100])
    with pytest.raises(ValueError, match="masks.npy ends in row 1 of 2: unpack or download it again"):
        read(source)
    masks.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"masks.npy is no whole .npy file \(.*\): unpack or download"):
        read(source)
    masks.unlink()
    with pytest.raises(FileNotFoundError, match="lacks masks.npy of fold 3: put fold_3.zip, whole, into it"):
        read(source)
    with pytest.raises(FileNotFoundError, match="does not exist: give --source"):
        read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no images.npy, masks.npy and types.npy of a fold"):
        read(tmp_path / "empty")


def test_a_damaged_archive(source: Path, tmp_path: Path) -> None:
    archive = archives(source, tmp_path / "downloads") / "fold_1.zip"
    content = archive.read_bytes()
    with zipfile.ZipFile(archive) as packed:
        member = next(each for each in packed.infolist() if each.filename.endswith("masks.npy"))
    start = member.header_offset + 150
    archive.write_bytes(content[:start] + b"\xff" * 60 + content[start + 60 :])
    with pytest.raises(ValueError, match=r"masks.npy is (damaged|no whole .npy file) \(.*download it again"):
        read(archive.parent)
    archive.write_bytes(content[:-50])
    with pytest.raises(ValueError, match=r"fold_1.zip is no whole .zip archive \(.*\): download it again"):
        read(archive.parent)


def test_no_file_stays_open(source: Path, opened: list[IO[bytes]]) -> None:
    """Not where a reader stops early, nor while the error of a damaged file is at hand."""
    images = read_dataset("pannuke", source)
    next(images)
    assert not all(file.closed for file in opened)
    images.close()  # type: ignore[attr-defined]
    assert opened and all(file.closed for file in opened)
    (damaged,) = source.rglob("Fold 1/masks/*/masks.npy")
    damaged.write_bytes(damaged.read_bytes()[:-10])
    with pytest.raises(ValueError, match="masks.npy ends in row"):
        list(read_dataset("pannuke", source))
    assert all(file.closed for file in opened)
