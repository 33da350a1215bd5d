"""What a list's images say of their pixel size, and how large its nuclei are."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import (
    RunData,
    measure_training,
    nucleus_diameter_px,
    pixel_size_of,
    tell_scales,
    training_image_ranges,
)
from common.geometry import ModelScale

RADIUS_PX = 12


def write_pair(folder: Path, name: str, *, size_um: float | None = None, enlarged: int = 1) -> dict[str, str]:
    """Write an image, its pixel size in the file if given, and a label map of four discs."""
    rows, columns = np.indices((64, 64)) - 32
    disc = (rows**2 + columns**2 <= RADIUS_PX**2).astype(np.uint16)
    label_map = np.block([[disc, 2 * disc], [3 * disc, 4 * disc]])
    label_map = np.kron(label_map, np.ones((enlarged, enlarged), np.uint16))
    tag = {} if size_um is None else {"resolution": (1e4 / size_um,) * 2, "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(folder / f"{name}.tif", label_map.astype(np.uint8), **tag)
    tifffile.imwrite(folder / f"{name}_masks.tif", label_map)
    return {"image": str(folder / f"{name}.tif"), "label": str(folder / f"{name}_masks.tif")}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "common.datalists")
    return caplog


def test_the_list_is_believed_before_the_file(tmp_path: Path) -> None:
    item = write_pair(tmp_path, "a", size_um=0.25)
    assert pixel_size_of(item) == pytest.approx(0.25)
    assert pixel_size_of({**item, "pixel_size_um": float("nan")}) == pytest.approx(0.25)
    assert pixel_size_of({**item, "pixel_size_um": 0.5}) == 0.5
    assert pixel_size_of(write_pair(tmp_path, "b")) is None
    (tmp_path / "dataset.json").write_text(json.dumps({"test": [{"image": "a.tif", "pixel_size_um": 2}]}))
    assert pixel_size_of(item) == 2.0


def test_a_pixel_size_reaches_every_item_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    items = [write_pair(tmp_path / "deep" / "er", name) for name in "ab"]
    content = {"training": [items[0] | {"pixel_size_um": 0.3}, items[1]]}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    first, second = RunData(tmp_path).items("training")
    assert first["pixel_size_um"] == 0.3 and np.isnan(second["pixel_size_um"])


@pytest.mark.parametrize("size", ["0.5", 0, -1, True, [0.5]])
def test_what_is_no_size_is_refused_by_name(tmp_path: Path, size: object) -> None:
    item = write_pair(tmp_path, "a") | {"pixel_size_um": size}
    (tmp_path / "dataset.json").write_text(json.dumps({"training": [item]}))
    with pytest.raises(ValueError, match='"pixel_size_um" of .*a.tif is .*: write the edge of a pixel'):
        RunData(tmp_path).items("training")


def test_one_line_tells_how_many_are_resized(tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    sizes = {"a": 0.25, "b": 1.0, "c": None}
    items = [write_pair(tmp_path, name, size_um=size) for name, size in sizes.items()]
    assert tell_scales(items, ModelScale(0.5), split="test") == items
    assert logged.messages == [
        "test images: pixels become 0.5 µm wide, resized by 0.5 to 2: 2; "
        "of unknown pixel size, taken as they are: 1"
    ]


def test_nothing_is_said_or_opened_where_nothing_is_resized(logged: pytest.LogCaptureFixture) -> None:
    tell_scales([{"image": "not/there.tif"}], ModelScale())
    assert not logged.messages


def test_the_image_that_cannot_be_meant_is_named(tmp_path: Path) -> None:
    items = [write_pair(tmp_path, "a", size_um=0.5), write_pair(tmp_path, "b", size_um=5)]
    with pytest.raises(ValueError, match=r"b\.tif would be resized by 10, because its pixels are 5 µm"):
        tell_scales(items, ModelScale(0.5))


def test_the_diameter_of_discs_is_theirs_and_grows_with_the_scale(tmp_path: Path) -> None:
    items = [write_pair(tmp_path, name) for name in "ab"]
    assert nucleus_diameter_px(items, ModelScale()) == pytest.approx(2 * RADIUS_PX, rel=0.02)
    assert nucleus_diameter_px(items, ModelScale(scale=3)) == pytest.approx(6 * RADIUS_PX, rel=0.02)


def test_images_of_one_sample_at_any_pixel_size_have_one_diameter(tmp_path: Path) -> None:
    coarse = write_pair(tmp_path, "coarse", size_um=0.5)
    fine = write_pair(tmp_path, "fine", size_um=0.25, enlarged=2)
    at_model = ModelScale(0.5)
    one, other = (nucleus_diameter_px([item], at_model) for item in (coarse, fine))
    assert one == pytest.approx(other, rel=0.01)


def test_a_given_diameter_is_not_measured(tmp_path: Path) -> None:
    items = [{"image": "not/there.tif", "label": "not/there.tif"}]
    assert measure_training(items, ModelScale(), model_diameter_px=20.0) == {"model_diameter_px": 20.0}
    tifffile.imwrite(tmp_path / "empty.tif", np.zeros((8, 8), np.uint16))
    empty = [{"image": str(tmp_path / "empty.tif"), "label": str(tmp_path / "empty.tif")}]
    assert measure_training(empty, ModelScale()) == {"model_diameter_px": None}


def test_segmenting_goes_on_without_an_image_that_cannot_be_meant(tmp_path: Path) -> None:
    items = []
    for name, size_um in (("a", 0.5), ("b", 99.0), ("c", 0.25)):
        per_cm = 1e4 / size_um
        file = tmp_path / f"{name}.tif"
        tags = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(file, np.zeros((8, 8), np.uint8), **tags)
        items.append({"image": str(file)} if name != "b" else {"image": str(file), "pixel_size_um": 99.0})
    scale = ModelScale(pixel_size_um=0.5)
    with pytest.raises(ValueError, match=r"b\.tif would be resized by 198"):
        tell_scales(items, scale)
    told = tell_scales(items, scale, go_on=True)
    assert [("fault" in item) for item in told] == [False, True, False]
    assert tell_scales(told, scale, go_on=True) == told, "one that has a fault is not looked at"
    with pytest.raises(ValueError, match=r"none of the 1 images can be used; the first: .*b\.tif would be"):
        tell_scales(items[1:2], scale, go_on=True)


def test_a_size_that_is_searched_is_told_and_no_training_can_begin_with_it(
    tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    items = [write_pair(tmp_path, "a", size_um=0.25), write_pair(tmp_path, "b")]
    auto = ModelScale(0.5, searched_diameter_px=20)
    tell_scales(items, auto)
    (line,) = logged.messages
    assert line.endswith("resized by 0.5: 1; of unknown pixel size, resized by what is found in them: 1")
    with pytest.raises(ValueError, match="^diameter_px is auto in a training, .*: give a number"):
        measure_training(items, auto, model_diameter_px=20.0)


def test_an_id_of_thousands_of_millions_is_measured_like_any(tmp_path: Path) -> None:
    item = write_pair(tmp_path, "a")
    small = nucleus_diameter_px([item], ModelScale()), training_image_ranges([item], ModelScale())
    labels = tifffile.imread(item["label"]).astype(np.uint32)
    tifffile.imwrite(item["label"], np.where(labels > 0, labels + np.uint32(2_000_000_000), 0))
    assert small == (nucleus_diameter_px([item], ModelScale()), training_image_ranges([item], ModelScale()))
