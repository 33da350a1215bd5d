"""Both versions of TissueNet come back as the images, nuclei, whole cells and lists they were made of."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.conversions import DatasetImage, read_dataset

SIZES = {"train": 32, "val": 16, "test": 16}
COUNTS = {"train": 3, "val": 2, "test": 2}
LISTS = {"train": "training", "val": "validation", "test": "test"}
PLATFORMS, TISSUES = ["vectra", "codex", "vectra"], ["breast", "immune", "gi"]
HEADINGS = ["filename", "experiment", "pixel_size", "screening_passed", "time_step", "specimen"]


def truth(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nuclei, two of which touch, and the cells around them, one without a nucleus."""
    nuclei, cells = np.zeros((2, size, size), np.uint16)
    nuclei[3:6, 3:6], nuclei[3:6, 6:9] = 1, 2
    cells[2:8, 2:6], cells[2:8, 6:10], cells[10:14, 10:15] = 1, 2, 3
    return nuclei, cells


def pixels(split: str) -> dict[str, np.ndarray]:
    """Make X and y of a file; its last image has no nucleus and no cell, and is black."""
    size, count = SIZES[split], COUNTS[split]
    nuclei, cells = truth(size)
    labels = np.stack([cells * 4, nuclei * 7], axis=-1).astype(np.int32)
    image = np.random.default_rng(0).random((size, size, 2), np.float32) * 900
    arrays = {"X": np.repeat(image[None], count, axis=0), "y": np.repeat(labels[None], count, axis=0)}
    arrays["X"][-1], arrays["y"][-1] = 0, 0
    return arrays


def lists(split: str) -> dict[str, np.ndarray]:
    count = COUNTS[split]
    return {"tissue_list": np.array(TISSUES[:count]), "platform_list": np.array(PLATFORMS[:count])}


def meta(split: str) -> dict[str, np.ndarray]:
    """Make the table of version 1.1: objects, and in the test file the headings four times."""
    rows: list[list[Any]] = [HEADINGS] * (4 if split == "test" else 1)
    for number in range(COUNTS[split]):
        experiment = f"tissue/20200101-{PLATFORMS[number].title()}/{TISSUES[number]}"
        size: Any = [0.5, "0.38", float("nan")][number]
        rows.append([f"{number // 2}.npz", experiment, size, True, None, TISSUES[number].title()])
    return {"meta": np.array(rows, object)}


def write(folder: Path, version: str, split: str, **changed: np.ndarray | None) -> Path:
    arrays = pixels(split) | (lists(split) if version == "1.0" else meta(split)) | changed
    folder.mkdir(exist_ok=True)
    file = folder / f"tissuenet_v{version}_{split}.npz"
    np.savez_compressed(file, **{name: array for name, array in arrays.items() if array is not None})
    return file


@pytest.fixture(params=["1.0", "1.1"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / f"tissuenet_v{request.param}"
    for split in SIZES:
        write(folder, request.param, split)
    return folder


def version_of(source: Path) -> str:
    return source.name[-3:]


def read(source: Path, **options: str) -> dict[str, DatasetImage]:
    return {image.stem: image for image in read_dataset("tissuenet", source, **options)}


@pytest.mark.parametrize("kind", ["folder", "zip", "npz"])
def test_images_nuclei_and_cells_of_both_versions(source: Path, tmp_path: Path, kind: str) -> None:
    given = source
    if kind == "zip":
        given = Path(shutil.make_archive(str(tmp_path / "downloaded"), "zip", source.parent, source.name))
    if kind == "npz":
        given = source / f"{source.name}_val.npz"
    found = read(given)
    splits = ["val"] if kind == "npz" else list(SIZES)
    assert list(found) == [f"{split}_{number:04d}" for split in splits for number in range(COUNTS[split])]
    for stem, image in found.items():
        split, number = stem.split("_")
        whole = pixels(split)
        assert image.split == LISTS[split]
        assert isinstance(image.image, np.ndarray) and image.image.dtype == np.float32
        assert (image.image == whole["X"][int(number)].transpose(2, 0, 1)).all()
        nuclei, cells = truth(SIZES[split])
        there = int(number) + 1 < COUNTS[split]
        assert image.cell_map is not None and image.cell_map.dtype == image.label_map.dtype == np.uint16
        assert (image.label_map == nuclei * there).all() and (image.cell_map == cells * there).all()


def test_what_is_known_of_each_image(source: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read(source)
    assert [found[f"train_000{number}"].extras["platform"] for number in range(3)] == PLATFORMS
    assert [found[f"test_000{number}"].extras["platform"] for number in range(2)] == PLATFORMS[:2]
    tissues = [found[f"train_000{number}"].extras["tissue"] for number in range(3)]
    sizes = [image.extras.get("pixel_size_um") for image in found.values()]
    assert all(image.extras["channels"] == ["nuclear", "membrane"] for image in found.values())
    if version_of(source) == "1.0":
        assert tissues == TISSUES and "slide" not in found["train_0000"].extras
        assert sizes == [0.5, 0.5, 0.5, None, None, 0.5, 0.5], "validation images are of three sizes"
    else:
        assert tissues == [tissue.title() for tissue in TISSUES]
        assert sizes == [0.5, 0.38, None, 0.5, 0.38, 0.5, 0.38]
        assert found["train_0000"].extras["slide"] == "tissue/20200101-Vectra/breast/0.npz"
    assert "platform" not in caplog.text


def test_a_platform_or_a_tissue(source: Path) -> None:
    assert list(read(source, only="codex")) == ["train_0001", "val_0001", "test_0001"]
    tissue = "gi" if version_of(source) == "1.0" else "Gi"
    assert list(read(source, only=tissue)) == ["train_0002"]
    with pytest.raises(ValueError, match="tissuenet has no part 'vektra': did you mean vectra"):
        read(source, only="vektra")


@pytest.mark.parametrize("experiment", ["20200101/lung", "vectra-and-codex/lung", "simcity/lung"])
def test_a_platform_that_is_not_told_is_not_invented(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, experiment: str
) -> None:
    table = meta("val")["meta"]
    table[1, 1] = experiment
    found = read(write(tmp_path, "1.1", "val", meta=table))
    assert "platform" not in found["val_0000"].extras and "platform" in found["val_0001"].extras
    assert "of 2 images 1 tell no platform: --test_platform cannot be used" in caplog.text
    table[1:, 1], table[1:, 5] = "", ""
    with pytest.raises(ValueError, match="no part 'vectra': no image tells one: leave --only out"):
        read(write(tmp_path, "1.1", "val", meta=table), only="vectra")


def test_a_row_at_a_time_is_read(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reads more of X or y than a row at once: the whole arrays are gigabytes."""
    most = max(np.dtype(np.int32).itemsize * 2 * size**2 for size in SIZES.values())
    asked: list[int] = []
    whole = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        if Path(self.name or "").stem in ("X", "y"):
            asked.append(10**9 if n is None or n < 0 else n)
        return whole(self, n)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    assert len(read(source)) == sum(COUNTS.values())
    assert most == max(asked)


@pytest.mark.parametrize(
    ("version", "changed", "said"),
    [
        ("1.0", {"X": None}, r"val.npz has no array X: download"),
        ("1.1", {"X": None, "y": None}, r"val.npz has no array X and no y: download"),
        (
            "1.0",
            {"platform_list": None},
            r"has no array platform_list as version 1.0, and no meta as version 1.1",
        ),
        ("1.0", {"X": pixels("val")["X"][..., :1]}, r"X.npy has the shape \(2, 16, 16, 1\), not \(images, "),
        (
            "1.1",
            {"y": pixels("val")["y"][..., 0]},
            r"y.npy has the shape \(2, 16, 16\), not .* cells and nuc",
        ),
        (
            "1.1",
            {"y": np.repeat(pixels("val")["y"], 2, axis=3)},
            r"y.npy has the shape \(2, 16, 16, 4\), not",
        ),
        ("1.0", {"y": pixels("val")["y"][:1]}, r"X has the shape \(2, .*\) and y \(1, .*\): they are not of"),
        (
            "1.0",
            {"y": pixels("val")["y"][:, :8]},
            r"X has the shape \(2, 16.*\) and y \(2, 8, .*not of the sa",
        ),
        ("1.0", {"tissue_list": np.array(["gi"])}, "has 2 images but 1 entries in tissue_list: download"),
        ("1.0", {"platform_list": np.array(["imc"] * 3)}, "has 2 images but 3 entries in platform_list"),
        ("1.1", {"meta": meta("val")["meta"][:-1]}, "has 2 images but 1 rows in meta, headings aside"),
        (
            "1.1",
            {"meta": meta("val")["meta"][1:]},
            "meta has no column filename and no experiment and no pix",
        ),
        ("1.1", {"meta": meta("val")["meta"][:, :5]}, "meta has no column specimen: download it again"),
        ("1.1", {"meta": np.zeros((0, 6))}, "meta has no column filename"),
        ("1.1", {"meta": np.zeros((2, 2, 2))}, "meta.npy has 3 axes, not rows and columns"),
        ("1.0", {"y": pixels("val")["y"] + 0.5}, "val.npz holds no labels 0, 1, 2"),
        (
            "1.0",
            {name: array[:0] for name, array in (pixels("val") | lists("val")).items()},
            "holds no image",
        ),
    ],
)
def test_arrays_that_are_not_as_published(
    tmp_path: Path, version: str, changed: dict[str, np.ndarray | None], said: str
) -> None:
    file = write(tmp_path, version, "val", **changed)
    with pytest.raises(ValueError, match=said) as caught:
        read(file)
    assert "\n" not in str(caught.value) and str(file) in str(caught.value)


def test_files_that_are_none(source: Path, tmp_path: Path) -> None:
    file = source / f"{source.name}_train.npz"
    shutil.copy(file, source / "train.npz")
    with pytest.raises(
        ValueError, match="both of the training list: give --source the folder of one version"
    ):
        read(source)
    (source / "train.npz").unlink()
    file.write_bytes(file.read_bytes()[:-80])
    with pytest.raises(ValueError, match=r"train.npz is no whole .npz archive \(.*\): download it again"):
        read(source)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no train.npz, val.npz or test.npz, such as tissuenet_v1.1"):
        read(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="does not exist: give --source"):
        read(tmp_path / "nowhere.npz")


def test_an_archive_that_is_unpacked_beside_itself_is_read_once(source: Path) -> None:
    shutil.make_archive(str(source), "zip", source.parent, source.name)
    assert len(read(source.parent)) == sum(COUNTS.values())
