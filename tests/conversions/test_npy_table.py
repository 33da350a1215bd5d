"""Tables of texts come out of .npy files as they were put in, and a pickle among them runs nothing."""

from __future__ import annotations

import io
import os
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from common.conversions.formats.npy_stream import npy_table


def stored(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def table(content: bytes) -> list[list[str]]:
    return npy_table("meta.npy", lambda: io.BytesIO(content))


@pytest.mark.parametrize("dtype", ["U", "S", object])
@pytest.mark.parametrize("order", ["C", "F"])
def test_texts_come_back(dtype: Any, order: str) -> None:
    texts = [["a", "b", "c"], ["1", "", "0.5"]]
    assert table(stored(np.array(texts, dtype, order=order))) == texts
    assert table(stored(np.array(texts[0], dtype))) == [["a"], ["b"], ["c"]]


def test_numbers_and_nothing_among_objects() -> None:
    cells = np.array([["x", 0.25, None, True, np.float64(2), np.str_("y"), [1]]], object)
    assert table(stored(cells)) == [["x", "0.25", "", "True", "2.0", "y", "[1]"]]


def test_other_objects_are_empty() -> None:
    cells = np.array([["x", PurePosixPath("a"), date(2020, 1, 2)]], object)
    assert table(stored(cells)) == [["x", "", ""]]


class Command:
    """What a malicious pickle is made of: a function that is called as soon as it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.made


@pytest.mark.parametrize("function", [os.mkdir, exec, "numpy"])
def test_a_pickle_runs_nothing(tmp_path: Path, function: Any) -> None:
    made = tmp_path / "made"
    if function == "numpy":
        command = Command(np.ones(2).tofile, str(made))
    else:
        command = Command(
            function,
            str(made) if function is os.mkdir else f"import pathlib; pathlib.Path({str(made)!r}).touch()",
        )
    content = stored(np.array([["x", command]], object))
    np.load(io.BytesIO(content), allow_pickle=True)
    assert made.exists(), "so that the test would see it"
    made.rmdir() if made.is_dir() else made.unlink()
    try:
        assert table(content)[0][0] == "x"
    except ValueError as error:
        assert "meta.npy is damaged" in str(error)
    assert not made.exists()


def test_damage_is_one_sentence() -> None:
    for cells in (np.array([["x", "y"]], object), np.array([["x", "y"]])):
        with pytest.raises(ValueError, match=r"^meta.npy is damaged \(.*\): download it again$"):
            table(stored(cells)[:-5])
    with pytest.raises(ValueError, match=r"^meta.npy is no whole .npy file \(.*\): unpack or download"):
        table(b"nonsense")
