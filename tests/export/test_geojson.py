"""Nuclei as GeoJSON: what QuPath reads, and the same label map back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.conversions import read_dataset
from common.export import nuclei_features, nuclei_table, write_geojson
from common.files import is_made_here

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:8, 3:9], LABELS[2:8, 9:14], LABELS[12:18, 20:29] = 1, 2, 7
LABELS[14:16, 22:24] = 0  # a hole


def features(**options: object) -> list[dict]:
    return list(nuclei_features(LABELS, **options))


def test_features_have_what_qupath_reads() -> None:
    table = nuclei_table(LABELS, LABELS[None].astype(float), channel_names=["DAPI"], pixel_size_um=0.5)
    first, _, last = features(table=table, name="day1/cells")
    assert first["properties"]["objectType"] == "detection"
    assert first["properties"]["classification"]["name"] == "Nucleus"
    wanted = {"label": 1, "area_px": 36, "area_um2": 9.0, "mean_DAPI": 1.0}
    assert first["properties"]["measurements"] == wanted
    assert first["geometry"]["coordinates"] == [[[3, 2], [9, 2], [9, 8], [3, 8], [3, 2]]]
    assert len(last["geometry"]["coordinates"]) == 2 and last["properties"]["measurements"]["label"] == 7
    assert first["id"] == features(name="day1/cells")[0]["id"] != features(name="day2/cells")[0]["id"]
    assert len({each["id"] for each in features()}) == 3


def test_classes_and_what_was_not_measured() -> None:
    table = {"label": np.array([1, 2]), "mean_DAPI": np.array([np.nan, 2.5])}
    one, two, seven = features(table=table, classes={2: "lymphocyte"})
    assert one["properties"]["measurements"] == {"label": 1, "mean_DAPI": None}
    assert two["properties"]["classification"]["name"] == "lymphocyte"
    assert seven["properties"] == {**one["properties"], "measurements": {"label": 7}}


@pytest.mark.parametrize("suffix", ["geojson", "geojson.gz"])
def test_files_are_whole_the_same_twice_and_ours(tmp_path: Path, suffix: str) -> None:
    file = write_geojson(tmp_path / f"a.{suffix}", nuclei_features(LABELS))
    content = file.read_bytes()
    write_geojson(file, nuclei_features(LABELS))
    assert file.read_bytes() == content and is_made_here(file)
    text = gzip.decompress(content) if suffix.endswith("gz") else content
    read = json.loads(text)
    assert read["type"] == "FeatureCollection" and read["features"] == features()
    # Saved anew by another program it is that person's.
    other = json.dumps({"type": "FeatureCollection", "features": read["features"]}).encode()
    file.write_bytes(gzip.compress(other) if suffix.endswith("gz") else other)
    assert not is_made_here(file)
    file.write_bytes(content[:20])
    assert not is_made_here(file), "cut off before it says whose it is"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    file = write_geojson(tmp_path / "a.geojson", nuclei_features(LABELS))
    content = file.read_bytes()

    def broken():
        yield from features()[:1]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_geojson(file, broken())
    assert file.read_bytes() == content and list(tmp_path.iterdir()) == [file]


def test_an_image_without_nuclei_is_a_file_without_features(tmp_path: Path) -> None:
    file = write_geojson(tmp_path / "a.geojson", nuclei_features(0 * LABELS))
    assert json.loads(file.read_text())["features"] == []


def test_the_same_label_map_comes_back(tmp_path: Path) -> None:
    """As corrected in QuPath and exported again: `scripts.prepare qupath` reads it."""
    tifffile.imwrite(tmp_path / "cells.tif", LABELS.astype(np.uint8))
    write_geojson(tmp_path / "cells.geojson", nuclei_features(LABELS))
    (image,) = read_dataset("qupath", tmp_path)
    assert np.array_equal(image.label_map, np.searchsorted([0, 1, 2, 7], LABELS))
