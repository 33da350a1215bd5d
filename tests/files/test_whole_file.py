"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.files import whole_file, write_whole


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


def _open_elsewhere(monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let the first moves fail as they do on Windows, where another program has the file open."""
    plain, left = os.replace, [times]

    def replace(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "Access is denied", str(source), 5, str(target))
        plain(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_a_file_that_another_program_has_open_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    path.write_text("earlier")
    _open_elsewhere(monkeypatch, times=3)
    write_whole(path, lambda part: part.write_text("new"))
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]


def test_a_file_that_stays_open_is_named_and_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    path.write_text("earlier")
    monkeypatch.setattr(whole_file, "_WAIT_SECONDS", 0.2)
    _open_elsewhere(monkeypatch, times=10**6)
    with pytest.raises(PermissionError, match=r"model\.pt could not be replaced .*close the program"):
        write_whole(path, lambda part: part.write_text("new"))
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
