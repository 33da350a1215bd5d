"""The layout of S-BSST265 comes back as the images, label maps and lists that it was made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.conversions import read_dataset
from common.conversions.formats.dataset_image import DatasetImage

HEADINGS = "Image_Name;Diagnosis;Preparation;Train-/Testset split;Testset class;Magnification;Modality"
ROWS = [
    "Ganglioneuroblastoma_0;Ganglioneuroblastoma;tissue;train;;20x;Zeiss Axioplan II",
    "Neuroblastoma_12;Neuroblastoma;cytospin;test;NB-II;63x;Zeiss Axioplan II",
    "normal_2;HaCaT;grown on slide;train;;20x;Zeiss LSM 780",
]
LABELS = np.zeros((20, 30), np.uint16)
LABELS[2:8, 3:9], LABELS[2:8, 9:14], LABELS[12:18, 20:29] = 1, 2, 300
PIXELS = (LABELS > 0).astype(np.uint8) * 90 + np.arange(30, dtype=np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    for kind in ("rawimages", "groundtruth", "singlecell_groundtruth"):
        (folder / kind).mkdir(parents=True)
        for row in ROWS:
            pixels = {"rawimages": PIXELS, "groundtruth": LABELS}.get(kind, LABELS * 0)
            tifffile.imwrite(folder / kind / f"{row.split(';')[0]}.tif", pixels, compression="zlib")
    (folder / "image_description.csv").write_text("\n".join([HEADINGS, *ROWS, ""]))
    return folder


def read(source: Path, **options: str) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset("kromp", source, **options)}


def table(source: Path, content: str, encoding: str = "utf-8") -> Path:
    (source / "image_description.csv").write_text(content, encoding=encoding)
    return source


@pytest.mark.parametrize("kind", ["folder", "around", "zip", "zip of the folder"])
def test_folder_and_archives(source: Path, kind: str) -> None:
    given = {"folder": source, "around": source.parent}.get(kind)
    if given is None:
        root = source if kind == "zip" else source.parent
        given = Path(shutil.make_archive(str(source.parent.parent / "x"), "zip", root))
    found = read(given)
    assert sorted(found) == sorted(row.split(";")[0] for row in ROWS)
    for image in found.values():
        assert (image.image == PIXELS[None]).all() and image.image.dtype == np.uint8
        assert (image.label_map == LABELS).all() and image.label_map.dtype == np.uint16


def test_the_table_tells_list_platform_diagnosis_and_preparation(source: Path) -> None:
    found = read(source)
    splits = {name: image.split for name, image in found.items()}
    assert splits == {
        "Ganglioneuroblastoma_0": "training",
        "Neuroblastoma_12": "test",
        "normal_2": "training",
    }
    assert found["normal_2"].extras == {
        "platform": "Zeiss LSM 780 20x",
        "diagnosis": "HaCaT",
        "preparation": "grown on slide",
    }


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_headings_may_be_written_otherwise(source: Path, separator: str, encoding: str) -> None:
    before = read(source)
    headings = HEADINGS.upper().replace("_", " ").replace("PREPARATION", " Sample preparation ")
    rows = [row.replace(";", " ; ").replace("_0 ", "_0.tif ").replace("train", "Train") for row in ROWS]
    after = read(table(source, "\r\n".join([headings, *rows, ";;"]).replace(";", separator), encoding))
    assert {name: (image.extras, image.split) for name, image in after.items()} == {
        name: (image.extras, image.split) for name, image in before.items()
    }


def test_a_part_is_a_diagnosis_or_a_preparation(source: Path) -> None:
    assert list(read(source, only="hacat")) == ["normal_2"]
    assert list(read(source, only="Cytospin")) == ["Neuroblastoma_12"]
    with pytest.raises(ValueError, match="no part 'cytospn': did you mean cytospin"):
        read(source, only="cytospn")


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("blue_alone", [False, True])
def test_grey_stored_as_colours_is_one_channel(source: Path, planar: bool, blue_alone: bool) -> None:
    colours = np.stack([PIXELS * (not blue_alone), PIXELS * (not blue_alone), PIXELS])
    file, options = source / "rawimages/normal_2.tif", {"photometric": "rgb"}
    if planar:
        tifffile.imwrite(file, colours, planarconfig="separate", **options)
    else:
        alpha = np.full((1, *PIXELS.shape), 255, np.uint8)
        colours = np.concatenate([colours, alpha]).transpose(1, 2, 0)
        tifffile.imwrite(file, np.ascontiguousarray(colours), extrasamples=["unassalpha"], **options)
    assert (read(source)["normal_2"].image == PIXELS[None]).all()


def test_colours_of_a_label_map_are_nuclei(source: Path) -> None:
    palette = np.zeros((301, 3), np.uint8)
    palette[[1, 2, 300]] = [[200, 10, 10], [10, 200, 10], [200, 10, 0]]
    tifffile.imwrite(source / "groundtruth/normal_2.tif", palette[LABELS], photometric="rgb")
    found = read(source)["normal_2"].label_map
    pairs = np.unique(np.stack([found.ravel(), LABELS.ravel()]), axis=1)
    assert pairs.shape == (2, 4) and [0, 0] in pairs.T.tolist()
    assert sorted(pairs[0]) == [0, 1, 2, 3]
    tifffile.imwrite(source / "groundtruth/normal_2.tif", palette[LABELS] * 0 + 7, photometric="rgb")
    assert (read(source)["normal_2"].label_map == 1).all()


def test_images_beside_the_table_are_named(source: Path, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(source / "rawimages/zz.tif", PIXELS)
    assert "zz" not in read(source)
    assert "1 images are not in image_description.csv, the first is zz" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no column Image_Name and no Train-/Testset split"),
        (HEADINGS.replace("Train", "Tune").replace("Test", "Trial"), "has no column Train-/Testset split"),
        (f"{HEADINGS}\n{ROWS[0].replace('train', 'tune')}", "row 2 names no image, or calls it neither"),
        (f"{HEADINGS}\n{ROWS[0][len('Ganglioneuroblastoma_0') :]}", "row 2 names no image"),
    ],
)
def test_a_table_that_cannot_be_used(source: Path, content: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"image_description.csv.* {said}"):
        read(table(source, content))


def test_mistakes(source: Path, tmp_path: Path) -> None:
    tifffile.imwrite(source / "groundtruth/normal_2.tif", LABELS[:5])
    with pytest.raises(ValueError, match=r"normal_2.tif is \(5, 30\) pixels but its image is \(20, 30\)"):
        read(source)
    (source / "groundtruth/normal_2.tif").unlink()
    with pytest.raises(
        FileNotFoundError, match="groundtruth lacks normal_2.tif, which image_description.csv"
    ):
        read(source)
    shutil.rmtree(source / "rawimages")
    with pytest.raises(FileNotFoundError, match="rawimages lacks Ganglioneuroblastoma_0.tif"):
        read(source)
    (source / "image_description.csv").unlink()
    with pytest.raises(ValueError, match="holds no image_description.csv: give --source"):
        read(source)
