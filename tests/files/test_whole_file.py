"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.files import write_whole


def test_folders_are_made_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a" / "b" / "c.txt", lambda part: part.write_text("whole"))
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["c.txt"]


def test_a_failing_writer_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("earlier")

    def fail(part: Path) -> None:
        part.write_text("ha")
        assert path.read_text() == "earlier"
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_whole(path, fail)
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["c.txt"]


def test_the_part_has_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    seen = []
    write_whole(tmp_path / "c.tif", lambda part: (seen.append(part), part.write_bytes(b"")))
    assert seen[0].suffix == ".tif" and seen[0].name.startswith(".") and seen[0].parent == tmp_path


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
def test_the_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    path = write_whole(tmp_path / "whole", lambda part: part.write_text(""))
    assert path.stat().st_mode == plain.stat().st_mode
