"""JSON read piece by piece is what Python's own reader makes of it, however short the pieces are."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.conversions.formats import json_stream
from common.conversions.formats.json_stream import geojson_files, opened_geojson, stream_objects

FEATURE = {"type": "Feature", "geometry": {"coordinates": [[[0, 1.5], [-2e3, 1]]]}, "properties": {"n": None}}


def flattened(content: Any) -> list[Any]:
    if isinstance(content, list):
        return [one for part in content for one in flattened(part)]
    if isinstance(content, dict) and isinstance(content.get("features"), list):
        return flattened(content["features"])
    return [content]


@pytest.mark.parametrize("at_once", [1, 2, 7, 1000])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "content",
    [
        FEATURE,
        [FEATURE, {}, [], [[FEATURE], 3, 'ä\n"]}', -12.5e3, True, None]],
        {"type": "FeatureCollection", "features": [FEATURE, FEATURE], "by": {"features": [1]}},
        {"a": 1, "features": []},
        {"features": None, "b": [1]},
        {"features": [{"features": [FEATURE]}, {"features": 3}]},
        12,
    ],
)
def test_any_text_in_pieces_of_any_length(
    monkeypatch: pytest.MonkeyPatch, content: Any, indent: int | None, at_once: int
) -> None:
    monkeypatch.setattr(json_stream, "_CHARACTERS_AT_ONCE", at_once)
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    assert list(stream_objects(io.StringIO(f" {text}\n"))) == flattened(content)


@pytest.mark.parametrize("at_once", [1, 1000])
def test_whatever_python_refuses_is_refused(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """A slip at any place of a text: a character lost, doubled or exchanged."""
    monkeypatch.setattr(json_stream, "_CHARACTERS_AT_ONCE", at_once)
    draw, text = np.random.default_rng(0), json.dumps({"features": [FEATURE, [{"a": "b"}]], "c": [1, 2]})
    refused = 0
    for _ in range(500):
        at, new = int(draw.integers(len(text))), str(draw.choice([*'{}[],:"1 x', ""]))
        slip = text[:at] + new + text[at + int(draw.integers(2)) :]
        try:
            expected = flattened(json.loads(slip))
        except json.JSONDecodeError:
            refused += 1
            with pytest.raises(json.JSONDecodeError, match="at character"):
                list(stream_objects(io.StringIO(slip)))
        else:
            assert list(stream_objects(io.StringIO(slip))) == expected, slip
    assert 100 < refused < 500


def test_the_place_of_a_slip_is_counted_from_the_files_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHARACTERS_AT_ONCE", 10)
    with pytest.raises(json.JSONDecodeError, match="at character 102"):
        list(stream_objects(io.StringIO("[" + 33 * "{}," + " x]")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": ' + 100_000 * "[" + 100_000 * "]" + "}]", "Nested too deeply at character 8"),
        (5000 * "[" + 5000 * "]", r"Nested too deeply at character \d+"),
        ('[{"a": ' + 5000 * "9" + "}]", "A number too long at character 8"),
        ('[{"a": "b', "Unterminated string starting at character 8"),
    ],
    ids=["deep value", "deep lists", "digits", "cut"],
)
def test_what_python_cannot_follow_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=f"^{said}$"):
        list(stream_objects(io.StringIO(text)))


def test_numbers_that_are_none_are_read() -> None:
    """Until 2023 QuPath wrote them among measurements, though JSON knows no such number."""
    (found,) = stream_objects(io.StringIO('[{"a": [NaN, Infinity, -Infinity]}]'))
    np.testing.assert_equal(found["a"], [np.nan, np.inf, -np.inf])


def test_no_more_is_read_than_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHARACTERS_AT_ONCE", 100)
    file = io.StringIO(json.dumps({"features": 1000 * [FEATURE]}))
    objects = stream_objects(file)
    assert next(objects) == next(objects) == FEATURE and file.tell() < 500
    assert len(list(objects)) == 998


def test_packed_files_are_found_and_read(tmp_path: Path) -> None:
    text = json.dumps([FEATURE])
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8-sig")
    for name in ("a.geojson.gz", "b.json.gz"):
        with gzip.open(tmp_path / name, "wt") as packed:
            packed.write(text)
    for name, member in (("b.zip", "b.geojson"), ("c.zip", "c.geojson"), ("d.geojson.zip", "x.json")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, text)
    with zipfile.ZipFile(tmp_path / "rois.zip", "w") as archive:
        archive.writestr("1.roi", b"Iout")
    (tmp_path / "torn.zip").write_bytes(b"PK")
    found = geojson_files(tmp_path)
    assert {name: path.name for name, path in found.items()} == {
        **{"a": "a.geojson", "b": "b.json.gz", "c": "c.zip", "d": "d.geojson.zip"},
    }
    for path in found.values():
        with opened_geojson(path) as file:
            assert list(stream_objects(file)) == [FEATURE]


def test_a_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", "[]")
        archive.writestr("b.geojson", "[]")
    with (
        pytest.raises(ValueError, match="a.zip holds 2 files of GeoJSON: give each image a file of its own"),
        opened_geojson(tmp_path / "a.zip"),
    ):
        pass
