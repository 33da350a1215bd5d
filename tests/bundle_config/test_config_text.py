"""Laws of the layout: what is written is what was read, one line a thing, and the same again."""

from __future__ import annotations

import json

import pytest

from common.bundle_config import written

CONTENTS = [
    {},
    {"a": []},
    {"a": {}, "b": [[], [1, [2, 3]], {"c": [4]}]},
    {"words": ["a, b", "[", "]", "{x}", '"', "\\", "\n", "µm", "$[1] * 2"]},
    {"text": '[\n    1,\n    2\n],\n    "device":', "bundle_root": None, "device": "%a::b"},
    {"method": {"device": 1, "bundle_root": [1.5, True, None]}, "bundle_root": "x", "seed": 0, "device": []},
]


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_written_is_what_was_read(content: dict) -> None:
    text = written(content)
    assert json.loads(text) == content and list(json.loads(text)) == list(content)
    assert written(json.loads(text)) == text and text.endswith("}\n")


@pytest.mark.parametrize("content", CONTENTS)
def test_no_two_settings_share_a_line(content: dict) -> None:
    for line in written(content).splitlines():
        if "\\" not in line:  # a key inside a text
            assert line.count('": ') <= 1


def test_blocks_are_apart() -> None:
    lines = written({"loss": {"device": 0}, "bundle_root": "a", "seed": 0, "device": "b"}).splitlines()
    after_blank = [lines[number + 1].split('"')[1] for number, line in enumerate(lines) if not line]
    assert after_blank == ["bundle_root", "device"]


def test_a_list_of_numbers_is_one_thing() -> None:
    lines = [line.strip() for line in written({"a": [1, 2.5], "b": {"c": ["x", "y"]}}).splitlines()]
    assert '"a": [1, 2.5],' in lines and '"c": ["x", "y"]' in lines
