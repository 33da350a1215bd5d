"""What a server reads, and the files that it sends back."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from common.label_server import (
    RESULT_SUFFIXES,
    Section,
    annotation_of,
    read_correction,
    read_section,
    result_suffix,
    write_result,
)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    file = tmp_path / "wide.png"
    Image.fromarray(np.arange(24 * 40, dtype=np.uint16).reshape(24, 40)).save(file)
    return file


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((24, 40), np.int32)
    labels[2:6, 3:9], labels[2:6, 9:15], labels[20:24, 30:40] = 1, 2, 5
    return labels


def test_a_region_has_its_place_and_is_cut_to_the_image(wide: Path) -> None:
    whole = read_section(wide)
    part = read_section(wide, location=[30, 20], size=[100, 100])
    assert whole.pixels.shape == (1, 24, 40) and whole.origin == (0, 0)
    assert part.origin == (30, 20)
    assert np.array_equal(part.pixels, whole.pixels[:, 20:, 30:])


def test_what_a_region_has_left_of_the_image_is_not_made_up_at_its_right(wide: Path) -> None:
    part = read_section(wide, location=[-10, -4], size=[20, 10])
    assert part.origin == (0, 0) and part.pixels.shape == (1, 6, 10)


@pytest.mark.parametrize(
    ("location", "size", "level", "said"),
    [
        ([40, 0], [5, 5], 0, "lies outside wide.png, which has 40 x 24 px"),
        ([0, 0], [0, 5], 0, "lies outside"),
        ([0, 0], [5, 5], 1, "level 1 is not there"),
    ],
)
def test_a_region_that_is_not_there_is_refused(
    wide: Path, location: list[int], size: list[int], level: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read_section(wide, location=location, size=size, level=level)


def test_without_openslide_a_slide_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openslide", None)
    slide = tmp_path / "a.svs"
    slide.write_bytes(b"x")
    with pytest.raises(ValueError, match="install openslide-python"):
        read_section(slide)


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".png", ".nii", ".nii.gz", ".geojson", ".geojson.gz"])
def test_every_format_brings_the_labels_back(
    tmp_path: Path, wide: Path, labels: np.ndarray, suffix: str
) -> None:
    file = write_result(tmp_path / f"labels{suffix}", labels, read_section(wide), source=wide)
    found = read_correction(file, wide)
    if "geojson" in suffix:  # outlines are numbered anew
        labels = np.where(labels == 5, 3, labels)
    assert np.array_equal(found, labels)


def test_nifti_lies_where_the_picture_lies_in_programs_that_count_from_the_left(
    tmp_path: Path, wide: Path, labels: np.ndarray
) -> None:
    file = write_result(tmp_path / "labels.nii.gz", labels, read_section(wide), source=wide)
    read = nibabel.load(file)
    assert read.shape == (40, 24, 1)
    assert np.allclose(read.affine, np.diag([-1, -1, 1, 1]))


def test_the_labels_of_a_nifti_lie_where_their_image_lies(tmp_path: Path, labels: np.ndarray) -> None:
    affine = np.array([[0, -0.2, 0, 5], [0.3, 0, 0, 7], [0, 0, 1, 9], [0, 0, 0, 1.0]])
    image = tmp_path / "image.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels.T[..., None].astype(np.int16), affine), image)
    file = write_result(tmp_path / "labels.nii.gz", labels, read_section(image), source=image)
    assert np.allclose(nibabel.load(file).affine, affine)
    assert np.array_equal(read_correction(file, image), labels)


def test_geojson_has_every_nucleus_and_its_size(tmp_path: Path, wide: Path, labels: np.ndarray) -> None:
    file = write_result(tmp_path / "labels.geojson", labels, read_section(wide), source=wide)
    features = json.loads(file.read_text())["features"]
    assert [each["properties"]["measurements"]["area_px"] for each in features] == [24, 24, 40]


def test_geojson_has_each_cell_with_its_nucleus_inside(
    tmp_path: Path, wide: Path, labels: np.ndarray
) -> None:
    cells = np.where(labels > 0, labels, 0)
    cells[1:7, 2:9], cells[10:12, 10:12] = np.where(cells[1:7, 2:9] > 0, cells[1:7, 2:9], 1), 6
    file = write_result(tmp_path / "cells.geojson", labels, read_section(wide), source=wide, cells=cells)
    features = json.loads(file.read_text())["features"]
    assert [each["properties"]["objectType"] for each in features] == ["cell"] * 4
    assert ["nucleusGeometry" in each for each in features] == [True, True, True, False]
    measured = features[0]["properties"]["measurements"]
    assert (measured["area_px"], measured["cell_area_px"]) == (24, 42)


def test_more_nuclei_than_a_png_can_number_are_refused(tmp_path: Path) -> None:
    labels = np.array([[0, 65536]], np.int32)
    section = Section(np.zeros((1, 1, 2), np.uint8), ("0",), None)
    with pytest.raises(ValueError, match=r"ask for result_extension \.tif"):
        write_result(tmp_path / "labels.png", labels, section)
    assert tifffile.imread(write_result(tmp_path / "labels.tif", labels, section)).max() == 65536


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"result_extension \.jpg is not written: ask for \.tif"):
        result_suffix("a.png", ".jpg")
    assert all(result_suffix("a.png", suffix) == suffix for suffix in RESULT_SUFFIXES)


def test_polygons_lie_in_the_image_at_its_full_resolution(labels: np.ndarray) -> None:
    found = annotation_of(labels, origin=(100, 50), step=2.0)
    contours = found["elements"][0]["contours"]
    assert len(contours) == 3
    assert np.array_equal(np.min(contours[0], axis=0), [100 + 2 * 3, 50 + 2 * 2])
    assert np.array_equal(np.max(contours[0], axis=0), [100 + 2 * 9, 50 + 2 * 6])
    assert contours[0][0] == contours[0][-1]


def test_small_nuclei_are_left_out_where_a_client_wants_it(labels: np.ndarray) -> None:
    assert len(annotation_of(labels, min_area_px=25)["elements"][0]["contours"]) == 1
