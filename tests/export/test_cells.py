"""Whole cells as files: a label map of their own, QuPath's cell objects, columns beside the nuclei's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from monai.data import MetaTensor

from common.export import SaveLabelMapd, SaveNucleid, beside_nuclei, cell_features, cell_table, nuclei_table
from common.export import read_table as read
from common.files import is_made_here, recorded
from common.readers import MicroscopyReader
from common.sample import make_cells


@pytest.fixture
def item(tmp_path: Path) -> dict[str, torch.Tensor]:
    """An image of cells on disk, and what was found in it."""
    image, nuclei, cells = make_cells((64, 72), seed=0)
    assert cells.max() > nuclei.max() > 3, "a cell without a nucleus is among them"
    file = tmp_path / "images" / "a.ome.tif"
    file.parent.mkdir()
    names = {"Channel": {"Name": ["DAPI", "membrane", "cytoplasm"]}, "PhysicalSizeX": 0.5}
    tifffile.imwrite(file, image, metadata={"axes": "CYX", "PhysicalSizeXUnit": "µm", **names})
    shown = MetaTensor(torch.from_numpy(image[:1].astype(np.float32)), meta={"filename_or_obj": str(file)})
    return {"image": shown, "pred_map": torch.from_numpy(np.stack([nuclei, cells]))}


def test_label_maps_of_both_are_written_and_known_as_ours(item: dict, tmp_path: Path) -> None:
    SaveLabelMapd(output_dir=tmp_path / "out", made_with=["overlay", "cells"])(item)
    nuclei, cells = (tmp_path / "out" / name for name in ("a.tif", "a_cells.tif"))
    for file, plane in ((nuclei, 0), (cells, 1)):
        assert np.array_equal(tifffile.imread(file), item["pred_map"][plane]) and is_made_here(file)
    noted = recorded(nuclei)
    assert noted["nuclei"] == int(item["pred_map"][0].max()) and noted["cells"] == int(
        item["pred_map"][1].max()
    )
    both = (tmp_path / "out" / "overlays" / "a.png").read_bytes()
    SaveLabelMapd(output_dir=tmp_path / "alone")({**item, "pred_map": item["pred_map"][:1]})
    assert both != (tmp_path / "alone" / "overlays" / "a.png").read_bytes(), "cells are drawn"
    assert not (tmp_path / "alone" / "a_cells.tif").exists()


def test_the_table_has_what_the_cell_of_each_nucleus_is(item: dict, tmp_path: Path) -> None:
    save = SaveNucleid(
        output_dir=tmp_path / "out", reader=MicroscopyReader(), formats=["geojson", "rois.zip"]
    )
    save(item)
    table, pixels = read(tmp_path / "out" / "a.csv"), tifffile.imread(item["image"].meta["filename_or_obj"])
    nuclei, cells = item["pred_map"].numpy()
    assert table["label"].tolist() == list(range(1, nuclei.max() + 1)), "a row a nucleus"
    for row, number in enumerate(table["label"]):
        inside = cells == number
        assert table["cell_area_px"][row] == inside.sum() >= table["area_px"][row]
        assert table["cell_area_um2"][row] == pytest.approx(inside.sum() / 4, rel=1e-5)
        for channel, name in enumerate(("DAPI", "membrane", "cytoplasm")):
            assert table[f"cell_mean_{name}"][row] == pytest.approx(pixels[channel][inside].mean(), rel=1e-5)
    features = json.loads((tmp_path / "out" / "a.geojson").read_text())["features"]
    assert len(features) == cells.max()
    assert {each["properties"]["objectType"] for each in features} == {"cell"}
    measured = features[0]["properties"]["measurements"]
    assert {"area_px", "mean_DAPI", "cell_area_px", "cell_mean_membrane"} <= measured.keys()
    lonely = [each for each in features if "nucleusGeometry" not in each]
    assert [each["properties"]["measurements"]["label"] for each in lonely] == [
        *range(nuclei.max() + 1, cells.max() + 1)
    ]
    assert "cell_area_px" in lonely[0]["properties"]["measurements"]
    assert "area_px" not in lonely[0]["properties"]["measurements"]


def test_cell_objects_are_the_two_outlines() -> None:
    nuclei, cells = np.zeros((2, 10, 16), int)
    nuclei[3:5, 3:6], cells[2:8, 2:8], cells[2:8, 8:14] = 1, 1, 2
    one, two = cell_features(nuclei, cells, name="a")
    assert one["geometry"]["coordinates"] == [[[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]]
    assert one["nucleusGeometry"] == {
        "type": "Polygon",
        "coordinates": [[[3, 3], [6, 3], [6, 5], [3, 5], [3, 3]]],
    }
    assert two["geometry"]["coordinates"][0][0] == [8, 2] and "nucleusGeometry" not in two
    _, other = cell_features(2 * (cells == 2), cells)
    assert other["nucleusGeometry"] == other["geometry"], "found by its number, not by its turn"
    assert one["id"] != two["id"] and one["id"] != next(iter(cell_features(nuclei, cells, name="b")))["id"]


def test_no_nucleus_and_no_cell_have_the_same_columns() -> None:
    nuclei = np.zeros((6, 7), int)
    image = np.ones((1, 6, 7))
    empty = beside_nuclei(nuclei_table(nuclei, image), cell_table(nuclei, image))
    assert list(empty) == [
        "label",
        "area_px",
        "centroid_row_px",
        "centroid_column_px",
        "mean_0",
        "cell_area_px",
        "cell_mean_0",
    ]
    only_cells = beside_nuclei(nuclei_table(nuclei, image), cell_table(nuclei + 1, image))
    assert list(only_cells) == list(empty) and not len(only_cells["cell_area_px"])
    assert list(cell_features(nuclei, nuclei)) == []
