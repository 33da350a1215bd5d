"""Labels that clients send, and the data set that is made of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from common.datalists import load_datalist
from common.label_server import read_correction, write_training_set


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.tif"
    tifffile.imwrite(file, np.zeros((12, 20), np.uint8))
    return file


def test_a_label_of_another_shape_is_refused_with_both_sizes(tmp_path: Path, image: Path) -> None:
    file = tmp_path / "label.tif"
    tifffile.imwrite(file, np.zeros((20, 12), np.uint16))
    with pytest.raises(ValueError, match=r"20 x 12 px \(height x width\), image.tif has 12 x 20"):
        read_correction(file, image)


@pytest.mark.parametrize("name", ["broken.tif", "broken.png", "broken.nii.gz", "broken.geojson"])
def test_a_corrupted_label_is_refused_in_a_sentence(tmp_path: Path, image: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"no image at all")
    with pytest.raises(ValueError, match=name):
        read_correction(file, image)


@pytest.mark.parametrize("label", [2**31, -1])
def test_numbers_that_a_label_map_cannot_hold_are_refused(
    tmp_path: Path, image: Path, label: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = np.full((20, 12), label, np.int64)  # columns first, as NRRD has them
    monkeypatch.setitem(sys.modules, "nrrd", SimpleNamespace(read=lambda file: (stored, {})))
    with pytest.raises(ValueError, match=r"a\.nrrd holds labels that are no numbers of nuclei"):
        read_correction(tmp_path / "a.nrrd", image)
    stored[:] = 7
    assert (read_correction(tmp_path / "a.nrrd", image) == 7).all()


def test_outlines_beside_the_image_are_refused(tmp_path: Path, image: Path) -> None:
    outline = {"type": "Polygon", "coordinates": [[[90, 90], [99, 90], [99, 99], [90, 90]]]}
    file = tmp_path / "far.geojson"
    file.write_text(json.dumps({"type": "Feature", "geometry": outline}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"lie outside image\.tif"):
        read_correction(file, image)


def test_colours_are_no_labels(tmp_path: Path, image: Path) -> None:
    file = tmp_path / "colours.tif"
    tifffile.imwrite(file, np.zeros((12, 20, 3), np.uint8), photometric="rgb")
    with pytest.raises(ValueError, match="not a label map"):
        read_correction(file, image)


def labelled(folder: Path, count: int) -> list[dict[str, str]]:
    folder.mkdir()
    items = []
    for number in range(count):
        image, label = folder / f"{number:02}.tif", folder / f"{number:02}_label.tif"
        tifffile.imwrite(image, np.full((32, 32), number, np.uint8))
        tifffile.imwrite(label, np.pad(np.ones((8, 8), np.uint16), 12))
        items.append({"image": str(image), "label": str(label)})
    return items


@pytest.mark.parametrize(
    ("count", "training", "validation"), [(1, 1, 1), (2, 2, 2), (3, 2, 1), (10, 8, 2), (25, 20, 5)]
)
def test_every_corrected_image_trains_or_chooses(
    tmp_path: Path, count: int, training: int, validation: int
) -> None:
    items = labelled(tmp_path / "studies", count)
    folder = write_training_set(tmp_path / "set", items).parent
    lists = {split: load_datalist(folder, split) for split in ("training", "validation")}
    assert (len(lists["training"]), len(lists["validation"])) == (training, validation)
    names = {item["image"] for each in lists.values() for item in each}
    assert len(names) == count
    if count > 2:
        assert not {item["image"] for item in lists["training"]} & {
            item["image"] for item in lists["validation"]
        }


def test_without_labels_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no image has a corrected label yet"):
        write_training_set(tmp_path, [])
