"""CryoNuSeg and NuInsSeg: pictures and label maps in folders come back with organ, patient and fold."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.conversions import DatasetImage, read_dataset
from common.conversions.histology.nuinsseg import published_folds

TRUTH = np.zeros((24, 32), np.uint16)
TRUTH[2:8, 3:9], TRUTH[2:8, 9:14], TRUTH[12:18, 20:29] = 1, 2, 3
PICTURE = np.dstack([TRUTH.astype(np.uint8) * 9] * 3)
SECOND = "Annotator 1 (biologist second round of manual marks up)"
FIRST_OF_FOLD_1 = [26, 27, 38, 40, 41, 49, 54, 58]  # by scikit-learn 1.7
CRYO = ["Human_AdrenalGland_01", "Human_AdrenalGland_02", "Human_Larynx_01"]
ORGANS = {"human bladder": ["human_bladder_01", "human_bladder_02"], "mouse liver": ["mouse_liver_01"]}


def label_map(file: Path, labels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(file, labels)


@pytest.fixture
def cryo(tmp_path: Path) -> Path:
    folder = tmp_path / "cryonuseg"
    for name in CRYO:
        (folder / "tissue images").mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / f"tissue images/{name}.tif", PICTURE, photometric="rgb")
        label_map(folder / f"Annotator 1 (biologist)/label masks modify/{name}.tif", TRUTH * 5)
        # Overlaps have numbers of their own here: not to be taken.
        label_map(folder / f"Annotator 1 (biologist)/label masks/{name}.tif", TRUTH + 1)
        # The other annotations lie in a folder inside a folder of the same name.
        label_map(folder / SECOND / SECOND / f"label masks modify/{name}.tif", np.where(TRUTH == 3, 0, TRUTH))
    return folder


@pytest.fixture
def nuinsseg(tmp_path: Path) -> Path:
    folder = tmp_path / "NuInsSeg"
    for organ, names in ORGANS.items():
        for name in names:
            (folder / organ / "tissue images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(PICTURE).save(folder / organ / f"tissue images/{name}.png")
            label_map(folder / organ / f"label masks modify/{name}.tif", TRUTH * 5)
            (folder / organ / "mask binary").mkdir(exist_ok=True)
            Image.fromarray(PICTURE).save(folder / organ / f"mask binary/{name}.png")
            (folder / organ / "Imagj_zips").mkdir(exist_ok=True)
            (folder / organ / f"Imagj_zips/{name}.zip").write_bytes(b"outlines, which nobody opens")
    return folder


def read(name: str, source: Path, **options: str) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset(name, source, **options)}


@pytest.mark.parametrize("archive", [False, True])
def test_cryonuseg(cryo: Path, tmp_path: Path, archive: bool) -> None:
    source = Path(shutil.make_archive(str(tmp_path / "a"), "zip", cryo)) if archive else cryo
    found = read("cryonuseg", source)
    assert list(found) == CRYO
    assert [image.extras["tissue"] for image in found.values()] == ["AdrenalGland", "AdrenalGland", "Larynx"]
    assert [image.extras["patient"] for image in found.values()] == CRYO
    for image in found.values():
        assert np.array_equal(image.label_map, TRUTH) and image.extras["pixel_size_um"] == 0.25
    again = read("cryonuseg", source, only="biologist again")
    assert all(image.label_map.max() == 2 for image in again.values()) and list(again) == CRYO


def test_cryonuseg_says_what_is_missing(cryo: Path) -> None:
    with pytest.raises(ValueError, match="no annotation 'biologists'.*biologist"):
        read("cryonuseg", cryo, only="biologists")
    with pytest.raises(ValueError, match=r"holds no Annotator 2 \(bioinformatician\)/label masks modify"):
        read("cryonuseg", cryo, only="bioinformatician")
    (cryo / f"Annotator 1 (biologist)/label masks modify/{CRYO[1]}.tif").unlink()
    with pytest.raises(FileNotFoundError, match=f"has no label masks modify/{CRYO[1]}.tif"):
        read("cryonuseg", cryo)
    shutil.rmtree(cryo / "tissue images")
    with pytest.raises(ValueError, match="holds no tissue images with .tif files"):
        read("cryonuseg", cryo)


@pytest.mark.parametrize("kind", ["folder", "one around it", "archive"])
def test_nuinsseg(nuinsseg: Path, tmp_path: Path, kind: str) -> None:
    source = nuinsseg if kind == "folder" else tmp_path
    if kind == "archive":
        source = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "NuInsSeg"))
    found = read("nuinsseg", source)
    assert list(found) == [name for names in ORGANS.values() for name in names]
    organs = [image.extras["tissue"] for image in found.values()]
    assert organs == ["human bladder", "human bladder", "mouse liver"]
    for image in found.values():
        assert np.array_equal(image.label_map, TRUTH)
        assert image.fold == 0, "some images are missing, so that the published folds are too"
    assert list(read("nuinsseg", nuinsseg, only="mouse liver")) == ORGANS["mouse liver"]


def test_nuinsseg_says_what_is_missing(nuinsseg: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no part 'mouse lever'.*mouse liver"):
        read("nuinsseg", nuinsseg, only="mouse lever")
    label_map(nuinsseg / "mouse liver/label masks modify/mouse_liver_01.tif", TRUTH[:-1])
    with pytest.raises(ValueError, match="is 32 x 23 px, and its picture 32 x 24"):
        read("nuinsseg", nuinsseg)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no ORGAN/tissue images"):
        read("nuinsseg", tmp_path / "empty")


def test_the_folds_of_nuinsseg_are_those_of_scikit_learn() -> None:
    folds = published_folds(665)
    assert [place for place in range(665) if folds[place] == 1][:8] == FIRST_OF_FOLD_1
    model_selection = pytest.importorskip("sklearn.model_selection")
    split = model_selection.KFold(n_splits=5, random_state=19, shuffle=True).split(range(665))
    for number, (_, tested) in enumerate(split, start=1):
        assert [place for place in range(665) if folds[place] == number] == tested.tolist()
