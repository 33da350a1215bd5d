"""The images of a folder: natural order, no labels, no two outputs of one name."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import list_image_items, list_images
from common.export import write_label_map


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(source: Path) -> list[str]:
    return [path.name for path in list_images(source).values()]


def test_natural_order_and_only_images(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "t10.tif",
        "t2.png",
        "T1.nii.gz",
        "notes.txt",
        "._t2.png",
        "t2_masks.tif",
        "t10_cp_masks.png",
    )
    assert names(tmp_path) == ["T1.nii.gz", "t2.png", "t10.tif"]
    assert all(Path(item["image"]).is_absolute() for item in list_image_items(tmp_path))


def test_a_data_sets_folder_and_a_single_file(tmp_path: Path) -> None:
    touch(tmp_path / "images", "a.png", "b.png")
    touch(tmp_path / "labels", "a.tif")
    assert names(tmp_path) == ["a.png", "b.png"]
    assert names(tmp_path / "images" / "b.png") == ["b.png"]


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no image that can be read"):
        list_images(tmp_path)
    touch(tmp_path, "x.csv")
    with pytest.raises(ValueError, match="x.csv is no image"):
        list_images(tmp_path / "x.csv")
    touch(tmp_path, "a.png", "A.ome.tif")
    with pytest.raises(ValueError, match="have the same name but for the suffix"):
        list_images(tmp_path)


def image(path: Path, content: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        tifffile.imwrite(path, np.zeros((9, 9), np.uint8))
    else:
        path.write_bytes(content)
    return path


def test_a_bad_image_keeps_its_fault_and_the_others_their_places(tmp_path: Path) -> None:
    image(tmp_path / "a.tif")
    assert list_image_items(tmp_path, check=True) == [{"image": str(tmp_path / "a.tif"), "name": "a"}]
    image(tmp_path / "b.png", b"no picture")
    image(tmp_path / "c.tif")
    found = list_image_items(tmp_path, check=True)
    assert [item["name"] for item in found] == ["a", "b", "c"]
    assert [bool(item.get("fault")) for item in found] == [False, True, False]
    assert "b.png cannot be read" in found[1]["fault"]
    assert not any("fault" in item for item in list_image_items(tmp_path))


def test_nothing_to_segment_is_refused_with_the_first_fault(tmp_path: Path) -> None:
    image(tmp_path / "a.png", b"no picture")
    with pytest.raises(ValueError, match=r"^\S*a\.png cannot be read"):
        list_image_items(tmp_path, check=True)
    image(tmp_path / "b.tif")
    with pytest.raises(ValueError, match=r"none of the 2 images can be segmented; the first: .*takes 3"):
        image(tmp_path / "a.tif"), (tmp_path / "a.png").unlink()
        list_image_items(tmp_path, check=True, in_channels=3)


def test_folders_inside_give_names_with_their_path(tmp_path: Path) -> None:
    for name in ("a.tif", "day2/a.tif", "day10/b.tif", "day2/deep/c.tif", ".hidden/d.tif", "results/e.tif"):
        image(tmp_path / name)
    (tmp_path / "linked").symlink_to(tmp_path / "day2")
    found = list_images(tmp_path, recursive=True, leave_out=tmp_path / "day2" / ".." / "results")
    assert list(found) == ["a", "day2/a", "day2/deep/c", "day10/b"]
    assert all(path.is_file() and path.is_absolute() for path in found.values())


def test_a_folder_of_folders_says_what_helps(tmp_path: Path) -> None:
    image(tmp_path / "day1" / "a.tif")
    with pytest.raises(ValueError, match="or --recursive, which looks into its folders too"):
        list_images(tmp_path)
    assert list(list_images(tmp_path, recursive=True)) == ["day1/a"]


def test_label_maps_of_a_segmentation_are_no_images(tmp_path: Path) -> None:
    write_label_map(tmp_path / "a.tif", np.ones((9, 9), int), record={})
    with pytest.raises(ValueError, match="holds no image"):
        list_images(tmp_path)
    image(tmp_path / "b.tif")
    assert list(list_images(tmp_path)) == ["b"]


def test_what_is_skipped_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "common.datalists")
    image(tmp_path / "a.tif")
    list_images(tmp_path)
    assert not caplog.messages
    (tmp_path / "b.webp").touch()
    list_images(tmp_path)
    assert caplog.messages == [f"{tmp_path}: skipped 1 .webp (b.webp)"]
