"""Tests of what stands in the way of results, and of which images are finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from monai.bundle import ConfigParser

from common.engine.segmentation import Outputs, refuse_among_inputs
from common.export import (
    nuclei_features,
    record_of,
    write_geojson,
    write_label_map,
    write_picture,
    write_table,
)


@pytest.fixture
def images(tmp_path: Path) -> list[dict[str, Any]]:
    """Two images in a folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(folder / f"{name}.tif", np.zeros((4, 4), np.uint8))
    return [{"image": str(folder / f"{name}.tif"), "name": name} for name in ("a", "b")]


def finish(outputs: Outputs, item: dict[str, Any]) -> None:
    """Write what a segmentation writes."""
    files = list(outputs.files_of(item["name"]))
    record = record_of(outputs.made_by, item["image"]) | {"nuclei": 1, "made_with": outputs.made_with}
    write_label_map(files[0], np.ones((4, 4), int), record=record)
    if outputs.overlay:
        write_picture(files[1], np.zeros((4, 4, 3), np.uint8))
    if outputs.table:
        write_table(
            files[-1], {"label": [1], "area_px": [16], "centroid_row_px": [1.5], "centroid_column_px": [1.5]}
        )


@pytest.mark.parametrize("way", ["itself", "through a link", "by a longer way", "a link to it"])
def test_a_folder_of_inputs_is_refused_by_whatever_way(tmp_path: Path, images: Any, way: str) -> None:
    folder = tmp_path / "images"
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "beside").mkdir()
    given = {
        "itself": folder,
        "through a link": tmp_path / "link",
        "by a longer way": tmp_path / "beside" / ".." / "images",
        "a link to it": folder,
    }[way]
    inputs = [item["image"] for item in images]
    if way == "a link to it":
        inputs = [str(tmp_path / "link" / "a.tif")]
    with pytest.raises(ValueError, match=r"is the folder of [ab]\.tif"):
        refuse_among_inputs(given, inputs)
    refuse_among_inputs(folder / "inside", inputs)
    refuse_among_inputs(tmp_path, inputs)


def test_files_of_the_user_are_never_replaced(tmp_path: Path, images: Any) -> None:
    out = tmp_path / "labels"
    out.mkdir()
    for place in ("a.tif", "overlays/a.png", "a.csv", "summary.csv"):
        file = out / place
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"mine")
        with pytest.raises(ValueError, match="would be overwritten, but no segmentation wrote it"):
            Outputs(out, table=True).to_do(images)
        file.unlink()
    (out / "a.tif").symlink_to(images[0]["image"])
    with pytest.raises(ValueError, match=r"a\.tif would be overwritten"):
        Outputs(out).to_do(images)
    (out / "a.tif").unlink()
    assert Outputs(out, table=True).to_do(images) == images


def test_polygons_are_told_from_the_users_own(tmp_path: Path, images: Any) -> None:
    outputs = Outputs(tmp_path / "out", formats="geojson.gz, GeoJSON", skip_finished=True)
    assert outputs.formats == ["geojson.gz", "geojson"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(ValueError, match=r"a\.geojson would be overwritten"):
        outputs.to_do(images)
    assert Outputs(tmp_path / "out").to_do(images) == images
    (tmp_path / "out" / "a.geojson").unlink()
    finish(outputs, images[0])
    assert outputs.to_do(images) == images, "its polygons are missing"
    for suffix in outputs.formats:
        write_geojson(tmp_path / "out" / f"a.{suffix}", nuclei_features(np.ones((4, 4), int)))
    assert outputs.to_do(images) == images[1:]
    with pytest.raises(ValueError, match="--formats has no 'geojsn': did you mean geojson"):
        Outputs(tmp_path, formats=["geojsn"])


def test_what_is_not_written_is_not_in_the_way(tmp_path: Path, images: Any) -> None:
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "a.png").write_text("mine")
    assert Outputs(tmp_path, overlay=False).to_do(images) == images


def test_results_of_a_segmentation_are_replaced(tmp_path: Path, images: Any) -> None:
    outputs = Outputs(tmp_path / "out", table=True)
    for item in images:
        finish(outputs, item)
    assert outputs.to_do(images) == images


def test_two_images_with_one_output_are_refused(tmp_path: Path, images: Any) -> None:
    items = [{**images[0], "name": "summary"}]
    assert Outputs(tmp_path).to_do(items) == items
    for folder in (tmp_path, tmp_path / "Capitals"):
        with pytest.raises(ValueError, match=r"summary.csv: rename"):
            Outputs(folder, table=True).to_do(items)


def test_finished_images_are_left_out_while_nothing_has_changed(tmp_path: Path, images: Any) -> None:
    outputs = Outputs(tmp_path / "out", skip_finished=True)
    assert outputs.to_do(images) == images
    finish(outputs, images[0])
    assert outputs.to_do(images) == images[1:]
    assert Outputs(tmp_path / "out").to_do(images) == images
    with_table = Outputs(tmp_path / "out", skip_finished=True, table=True)
    assert with_table.to_do(images) == images, "its table is missing"
    tifffile.imwrite(images[0]["image"], np.ones((4, 5), np.uint8))
    assert outputs.to_do(images) == images, "the image is another"


def test_a_table_of_earlier_weights_is_not_taken_for_the_label_maps_own(tmp_path: Path, images: Any) -> None:
    finish(Outputs(tmp_path / "out", table=True), images[0])
    finish(Outputs(tmp_path / "out"), images[0])  # other weights, say, and no table: the old one stays
    assert (tmp_path / "out" / "a.csv").is_file()
    assert Outputs(tmp_path / "out", table=True, skip_finished=True).to_do(images[:1]) == images[:1]
    assert Outputs(tmp_path / "out", skip_finished=True).to_do(images[:1]) == []


def _made_by(weights: Path, **settings: Any) -> str:
    """Return the digits that a configuration with these settings gives."""
    config = {
        "scale": 1.0,
        "decoder": {"_target_": "common.decoders.ComponentsDecoder"},
        "seed": 0,
        **settings,
        "outputs": {
            "_target_": "common.engine.segmentation.Outputs",
            "output_dir": "x",
            "weights": str(weights),
        },
    }
    return str(ConfigParser(config).get_parsed_content("outputs").made_by)


def test_the_digits_change_with_weights_and_deciding_settings_alone(tmp_path: Path) -> None:
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"1")
    first = _made_by(weights)
    assert first == _made_by(weights, seed=3)
    spelt = {"_target_": "common.decoders.ComponentsDecoder", "grow_px": 1}
    others = [_made_by(weights, scale=0.5), _made_by(weights, decoder={**spelt, "grow_px": 7})]
    copy = tmp_path / "elsewhere.pt"
    copy.write_bytes(b"1")
    assert first == _made_by(copy), "the weights count, not their name"
    weights.write_bytes(b"2")
    others.append(_made_by(weights))
    assert len({first, *others}) == 4
