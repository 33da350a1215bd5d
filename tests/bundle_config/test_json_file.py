"""A file that is no configuration is refused in one sentence with file, line and column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.bundle_config import read_json

BROKEN = {
    "comma at the end": (
        b'{"epochs": 3,\n "seed": 1,\n}',
        ", line [23], column \\d+: no JSON: .*: take away the comma",
    ),
    "comma in a list": (b'{"a": [1, 2, ]}', ", line 1, column \\d+: no JSON: .*: take away the comma"),
    "comma missing": (b'{"epochs": 3\n "seed": 1}', ", line 2, column 2: no JSON: Expecting ',' delimiter$"),
    "single quotes": (b"{'epochs': 3}", ", line 1, column 2: no JSON: .*: JSON wants double quotes"),
    "Python's word": (b'{"amp": True}', ", line 1, column 9: no JSON: .*: JSON writes true, false and null"),
    "comment": (b'{\n  // mine\n  "epochs": 3}', ", line 2, column 3: no JSON: .*: JSON has no comments"),
    "empty": (b" \n", " is empty: write the settings into it"),
    "cut": (b'{"epochs": 3', ", line 1, column 13: no JSON"),
    "list": (b'[{"epochs": 3}]', ', line 1: it must be an object, {"name": value, ...}, not a list'),
    "number": (b"3", ", line 1: it must be an object, .*, not 3"),
    "twice": (b'{"epochs": 3, "epochs": 4}', ": 'epochs' stands twice in one object"),
    "another encoding": ('{"a": "ä"}'.encode("utf-16"), " is no text in UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said_with_its_place(tmp_path: Path, name: str) -> None:
    content, words = BROKEN[name]
    file = tmp_path / "mine.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{file.as_posix()}{words}") as raised:
        read_json(file)
    assert "\n" not in str(raised.value)


def test_a_misspelt_file_is_offered_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(ValueError, match=r"trian\.json is not there: did you mean .*/train\.json\?"):
        read_json(tmp_path / "trian.json")


@pytest.mark.parametrize("content", [{}, {"a": {"b": [1, None, True]}, "ä": "#"}])
def test_what_was_written_is_read(tmp_path: Path, content: dict) -> None:
    file = tmp_path / "a.json"
    for text in (json.dumps(content), json.dumps(content, indent=4, ensure_ascii=False)):
        file.write_text(text, encoding="utf-8")
        assert read_json(file) == content
