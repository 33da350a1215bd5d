"""Tests of telling a segmentation's files from a user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.export import nuclei_table, write_label_map, write_picture, write_table
from common.files import MARK, is_made_here, recorded

LABELS = np.array([[0, 1], [2, 2]])


def test_what_a_segmentation_writes_is_known(tmp_path: Path) -> None:
    label_map = write_label_map(tmp_path / "a.tif", LABELS, record={"made_by": "x", "nuclei": 2})
    picture = write_picture(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    table = write_table(tmp_path / "a.csv", nuclei_table(LABELS, LABELS[None]))
    summary = write_table(tmp_path / "summary.csv", {"image": ["a"], "nuclei": [2], "fault": [""]})
    assert recorded(label_map) == {"made_by": "x", "nuclei": 2}
    assert all(map(is_made_here, (label_map, picture, table, summary)))
    assert np.array_equal(tifffile.imread(label_map), LABELS)


def test_label_maps_of_a_data_set_are_their_makers(tmp_path: Path) -> None:
    file = write_label_map(tmp_path / "a.tif", LABELS)
    assert recorded(file) is None and not is_made_here(file)


@pytest.mark.parametrize("save", ["tifffile", "pillow"])
def test_a_label_map_that_was_corrected_and_saved_is_the_users(tmp_path: Path, save: str) -> None:
    file = write_label_map(tmp_path / "a.tif", LABELS.astype(np.uint16), record={"made_by": "x"})
    corrected = tifffile.imread(file) + 1
    if save == "tifffile":
        tifffile.imwrite(file, corrected)
    else:
        Image.fromarray(corrected).save(file)
    assert not is_made_here(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tif", b""),
        ("a.tif", b"no TIFF"),
        ("a.png", b"\x89PNG"),
        ("a.csv", b"label,class\n1,2\n"),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.json", b"{}"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": []}'),
        ("a.geojson.gz", b"no archive"),
        ("a.rois.zip", b"no archive"),
        ("a.rois.zip", b"PK\x05\x06" + b"\0" * 18),  # an empty one
    ],
)
def test_everything_else_is_not_ours(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert not is_made_here(tmp_path / name) and recorded(tmp_path / name) is None
    assert not is_made_here(tmp_path / "missing" / name)


def test_a_mark_with_a_description_of_somebody_else_is_not_ours(tmp_path: Path) -> None:
    for number, text in enumerate(("no JSON", "[1]", '{"other": {}}', f'{{"{MARK}": 3}}')):
        file = tmp_path / f"{number}.tif"
        tifffile.imwrite(file, LABELS, software=MARK, description=text, metadata=None)
        assert recorded(file) is None
