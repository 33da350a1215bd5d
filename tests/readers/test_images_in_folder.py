"""Tests of which files of a folder are images, and of what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.readers.images_in_folder import by_stem, images_in, skipped_in


def test_what_is_skipped_is_said_by_kind(tmp_path: Path) -> None:
    for name in ("a.png", "a_masks.png", "b.webp", "c.webp", "d.gif", ".hidden", "README"):
        (tmp_path / name).touch()
    (tmp_path / "inside").mkdir()
    (tmp_path / "gone.tif").symlink_to(tmp_path / "nowhere")
    images = images_in(tmp_path)
    assert [image.name for image in images] == ["a.png"]
    assert set(skipped_in(tmp_path, images)) == {
        "1 label or output beside images (a_masks.png)",
        "2 .webp (b.webp ...)",
        "1 .gif (d.gif)",
        "1 file without a suffix (README)",
        "1 folder, which --recursive looks into (inside)",
        "1 broken link (gone.tif)",
    }
    assert not any("folder" in what for what in skipped_in(tmp_path, images, folders=False))


def test_nothing_is_said_where_nothing_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert skipped_in(tmp_path, images_in(tmp_path)) == []


def test_all_equal_names_are_told_at_once() -> None:
    files = [Path(name) for name in ("a.png", "A.ome.tif", "b.tif", "c.png", "c.tif", "c.jpg")]
    with pytest.raises(ValueError) as caught:
        by_stem(files)
    assert "a.png and A.ome.tif; c.png and c.tif, c.jpg have the same name" in str(caught.value)
    assert by_stem(files[1:4]) == {"A": files[1], "b": files[2], "c": files[3]}
