"""The layout of Lizard comes back as the images, label maps, classes and folds that it was made of."""

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
ROWS = [
    "dpath_1,1800127001_2019-04-30 10_40_02-lv1-1001-22444-3989-3967,3",
    "dpath_14,1800127001_2019-04-30 10_40_02-lv1-36798-25730-4427-4159,1",
    "glas_2,train_22,2",
    "pannuke_1,None,3",
]
NAMES = [row.split(",")[0] for row in ROWS]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "lizard"
    (folder / "Lizard_Labels/Labels").mkdir(parents=True)
    (folder / "Lizard_Labels/info.csv").write_text("\n".join(["Filename,Source,Split", *ROWS]))
    for name in NAMES:
        images = folder / ("Lizard_Images1" if name < "e" else "Lizard_Images2")
        images.mkdir(exist_ok=True)
        Image.fromarray(np.dstack([TRUTH.astype(np.uint8) * 9] * 3)).save(images / f"{name}.png")
        write_mat(folder / f"Lizard_Labels/Labels/{name}.mat")
    return folder


def write_mat(file: Path, **changed: np.ndarray) -> None:
    # As published: numbers with gaps, and rows in another order than theirs.
    content = {"inst_map": TRUTH.astype(np.int32) * 5, "id": [[15], [5], [10]], "class": [[2], [6], [3]]}
    savemat(file, content | {"bbox": np.zeros((3, 4)), "centroid": np.zeros((3, 2))} | changed)


def read(source: Path, **options: str) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset("lizard", source, **options)}


@pytest.mark.parametrize("kind", ["folder", "archives", "one archive"])
def test_folders_and_archives(source: Path, tmp_path: Path, kind: str) -> None:
    given = source
    if kind == "archives":
        given = tmp_path / "downloads"
        for name in ("Lizard_Images1", "Lizard_Images2", "Lizard_Labels"):
            shutil.make_archive(str(given / name.lower()), "zip", source, name)
    if kind == "one archive":
        given = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", source.parent, source.name))
    found = read(given)
    assert list(found) == NAMES and [image.fold for image in found.values()] == [3, 1, 2, 3]
    for image in found.values():
        assert (image.label_map == TRUTH).all() and image.split == ""
        assert image.classes == {1: "connective tissue", 2: "lymphocyte", 3: "epithelial"}


def test_pictures_with_outlines_are_no_images(source: Path) -> None:
    shutil.copytree(source / "Lizard_Images1", source / "overlay/Overlay")
    found = read(source)
    assert list(found) == NAMES and found["dpath_1"].image == source / "Lizard_Images1/dpath_1.png"


def test_the_table_tells_source_and_slide(source: Path) -> None:
    found = read(source)
    slide = "1800127001_2019-04-30 10_40_02"
    assert found["dpath_14"].extras == {"platform": "dpath", "slide": slide, "pixel_size_um": 0.5}
    assert found["pannuke_1"].extras == {"platform": "pannuke", "pixel_size_um": 0.5}
    assert list(read(source, only="dpath")) == ["dpath_1", "dpath_14"]
    with pytest.raises(ValueError, match="lizard has no part 'glass': did you mean glas"):
        read(source, only="glass")


def test_mistakes(source: Path) -> None:
    file = source / "Lizard_Labels/Labels/glas_2.mat"
    write_mat(file, **{"class": [[2], [6], [7]]})
    with pytest.raises(ValueError, match="glas_2.mat lists 3 nuclei and 3 classes, or classes other than 1"):
        read(source)
    write_mat(file, id=[[1], [2]])
    with pytest.raises(ValueError, match="glas_2.mat lists 2 nuclei and 3 classes"):
        read(source)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks glas_2.mat, which info.csv lists: put lizard_labels"):
        read(source)
    shutil.rmtree(source / "Lizard_Images1")
    with pytest.raises(FileNotFoundError, match=r"lacks dpath_1.png, which info.csv .*lizard_images1.zip an"):
        read(source)
    table = source / "Lizard_Labels/info.csv"
    table.write_text("Filename,Source,Split\nglas_2,train_22,4\n")
    with pytest.raises(ValueError, match="info.csv: row 2 names no image, or no fold of 1 to 3"):
        read(source)
    table.write_text("Filename,Source\n")
    with pytest.raises(ValueError, match="info.csv has no column Split"):
        read(source)
    table.unlink()
    with pytest.raises(ValueError, match="holds no info.csv: put lizard_labels.zip, or its folder, into it"):
        read(source)
