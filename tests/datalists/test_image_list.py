"""The images of a folder: natural order, no labels, no two outputs of one name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import list_image_items, list_images


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(source: Path) -> list[str]:
    return [Path(path).name for path in list_images(source)]


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


def test_the_last_bad_image_is_found_before_the_first_is_segmented(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8))
    assert list_image_items(tmp_path, check=True) == [{"image": str(tmp_path / "a.tif")}]
    (tmp_path / "z.png").write_bytes(b"no picture")
    assert len(list_image_items(tmp_path)) == 2
    with pytest.raises(ValueError, match=r"z\.png cannot be read"):
        list_image_items(tmp_path, check=True)
