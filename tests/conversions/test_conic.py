"""The layout of CoNIC comes back as the patches, label maps, classes and slides that it was made of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from common.conversions import DatasetImage, read_dataset

NAMES = ["consep_1-0000", "consep_1-0001", "glas_12-0000"]
TRUTH = np.zeros((16, 16), np.uint16)
TRUTH[2:6, 1:5], TRUTH[2:6, 5:9], TRUTH[9:14, 9:15] = 1, 2, 3
TYPES = np.choose(TRUTH, [0, 2, 2, 6]).astype(np.uint16)
TYPES[2, 1] = 1  # a pixel of another class does not count


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "conic"
    folder.mkdir()
    rows = len(NAMES)
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.save(folder / "images.npy", np.repeat(image[None], rows, axis=0))
    np.save(folder / "labels.npy", np.repeat(np.stack([TRUTH * 7, TYPES], axis=-1)[None], rows, axis=0))
    (folder / "patch_info.csv").write_text("\n".join(["patch_info", *NAMES, ""]))
    return folder


def read(source: Path, **options: str) -> list[DatasetImage]:
    return list(read_dataset("conic", source, **options))


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_patches_of_an_image_belong_together(source: Path, tmp_path: Path, kind: str) -> None:
    given = source if kind == "folder" else Path(shutil.make_archive(str(tmp_path / "a"), "zip", source))
    found = read(given)
    assert [image.stem for image in found] == NAMES
    assert [image.extras["slide"] for image in found] == ["consep_1", "consep_1", "glas_12"]
    assert [image.extras["platform"] for image in found] == ["consep", "consep", "glas"]
    for image in found:
        assert np.array_equal(image.label_map, TRUTH) and image.label_map.dtype == np.uint16
        assert image.classes == {1: "epithelial", 2: "epithelial", 3: "connective tissue"}
        assert isinstance(image.image, np.ndarray) and image.image.shape == (3, 16, 16)
        assert image.image[1, 0, 0] == 1 and image.extras["pixel_size_um"] == 0.5
    assert [image.stem for image in read(source, only="glas")] == NAMES[2:]


def test_what_does_not_belong_together_is_refused(source: Path) -> None:
    with pytest.raises(ValueError, match=r"no part 'glass'.*glas"):
        read(source, only="glass")
    (source / "patch_info.csv").write_text("patch_info\nconsep_1-0000\n")
    with pytest.raises(ValueError, match=r"images\.npy has the shape \(3, 16, 16, 3\), not \(1, 16, 16, 3\)"):
        read(source)
    (source / "patch_info.csv").write_text("patch_info\na-0\na-0\n")
    with pytest.raises(ValueError, match="does not name every patch once"):
        read(source)
    (source / "labels.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks labels\.npy: open https"):
        read(source)


def test_an_unknown_class_is_refused(source: Path) -> None:
    labels = np.load(source / "labels.npy")
    labels[1, ..., 1] = 7
    np.save(source / "labels.npy", labels)
    with pytest.raises(ValueError, match="patch consep_1-0001 has the class 7, but there are 6"):
        read(source)


def test_no_file_stays_open(source: Path, opened: list[IO[bytes]]) -> None:
    """Not where a reader stops early, nor while the error of a damaged file is at hand."""
    images = read_dataset("conic", source)
    next(images)
    assert not all(file.closed for file in opened)
    images.close()  # type: ignore[attr-defined]
    assert opened and all(file.closed for file in opened)
    (damaged,) = source.rglob("labels.npy")
    damaged.write_bytes(damaged.read_bytes()[:-10])
    with pytest.raises(ValueError, match="labels.npy ends in row"):
        list(read_dataset("conic", source))
    assert all(file.closed for file in opened)
