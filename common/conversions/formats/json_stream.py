"""GeoJSON of any size -> its objects one after the other, of which only one is in memory at a time."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

_CHARACTERS_AT_ONCE = 2**18
_SUFFIXES = (".geojson", ".json")
_PACKED = (".gz", ".zip")


def geojson_files(folder: Path) -> dict[str, Path]:
    """Return the GeoJSON files in a folder and its folders, packed ones too, by their names without suffixes.

    Where a file lies there both plain and packed the plain one is taken, and `.gz` before `.zip`. A zip
    counts if a file of GeoJSON is in it: `slide.zip` may be ImageJ's ROIs.
    """
    found: dict[str, tuple[int, Path]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        packing = path.suffix.lower() if path.suffix.lower() in _PACKED else ""
        name = path.name[: len(path.name) - len(packing)]
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in _SUFFIXES:
            if packing != ".zip" or not _members(path):
                continue
            stem = name
        rank = ("", *_PACKED).index(packing)
        if stem not in found or rank < found[stem][0]:
            found[stem] = rank, path
    return {stem: path for stem, (_, path) in found.items()}


@contextmanager
def opened_geojson(path: Path) -> Iterator[io.TextIOBase]:
    """Open a file as text, unpacked on the way where it is packed.

    Args:
        path: `.geojson` or `.json`, or one of these in `.gz` or `.zip`.

    Raises:
        ValueError: if a zip holds no such file, or several.
    """
    with ExitStack() as stack:
        if path.suffix.lower() == ".zip":
            names = _members(path)
            if len(names) != 1:
                raise ValueError(
                    f"{path} holds {len(names)} files of GeoJSON: give each image a file of its own"
                )
            packed = stack.enter_context(zipfile.ZipFile(path))
            binary: Any = stack.enter_context(packed.open(names[0]))
        else:
            opener = gzip.open if path.suffix.lower() == ".gz" else Path.open
            binary = stack.enter_context(opener(path, "rb"))
        yield stack.enter_context(io.TextIOWrapper(binary, encoding="utf-8-sig"))


def stream_objects(file: io.TextIOBase) -> Iterator[Any]:
    """Yield the objects of a JSON text in their order, those of lists and of lists of "features" one by one.

    An object with a list of "features" is not yielded itself. What is no object, where one may stand, is
    yielded as it is.

    Args:
        file: the text.

    Raises:
        json.JSONDecodeError: where the text is no JSON, or nested deeper than Python follows; what came
            before has been yielded. NaN and Infinity are read: QuPath wrote them until 2023.

    Example:
        >>> text = '{"type": "FeatureCollection", "features": [{"a": [1, 2]}, [{"b": 3}]], "by": "me"}'
        >>> list(stream_objects(io.StringIO(text)))
        [{'a': [1, 2]}, {'b': 3}]
    """
    text = _Text(file)
    try:
        yield from _objects(text)
    except RecursionError:
        raise text.fault("Nested too deeply") from None
    if text.peek():
        raise text.fault("Extra data")


def _objects(text: _Text) -> Iterator[Any]:
    first = text.peek()
    if first == "[":
        for _ in text.parts("[", "]"):
            yield from _objects(text)
    elif first == "{":
        found: dict[str, Any] = {}
        collects = False
        for _ in text.parts("{", "}"):
            key = text.key()
            if key == "features" and text.peek() == "[":
                collects = True
                yield from _objects(text)
            else:
                found[key] = text.value()
        if not collects:
            yield found
    else:
        yield text.value()


class _Text:
    """A JSON text that is read on as it is needed."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file, self._decoder = file, json.JSONDecoder()
        self._text, self._at, self._before = "", 0, 0

    def peek(self) -> str:
        """Return the next character that is no space, without passing it; nothing at the end."""
        while True:
            while self._at < len(self._text):
                if (character := self._text[self._at]) not in " \t\r\n":
                    return character
                self._at += 1
            if not self._read_on():
                return ""

    def parts(self, begin: str, end: str) -> Iterator[None]:
        """Pass brackets and the commas between them; the caller passes what else is there."""
        self._pass(begin)
        if self.peek() == end:
            self._pass(end)
            return
        while True:
            yield
            if self.peek() == end:
                self._pass(end)
                return
            self._pass(",")

    def key(self) -> str:
        """Pass a key with its colon and return it."""
        if self.peek() != '"':
            raise self.fault("Expecting property name enclosed in double quotes")
        key = str(self.value())
        self.peek()
        self._pass(":")
        return key

    def value(self) -> Any:
        """Pass a value and return it."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # It may be no more than cut off here.
                if not self._read_on():
                    raise self.fault(error.msg, error.pos) from None
            except ValueError:  # thousands of digits, which Python makes no integer of
                raise self.fault("A number too long") from None
            else:
                # A number at the very end may go on.
                if end < len(self._text) or not self._read_on():
                    self._at = end
                    return value

    def fault(self, what: str, at: int | None = None) -> json.JSONDecodeError:
        """Return the error for what stands at a place of the text at hand."""
        error = json.JSONDecodeError(what, "", 0)
        place = self._before + (self._at if at is None else at) + 1
        error.args = (f"{what.removesuffix(' at')} at character {place}",)
        return error

    def _pass(self, character: str) -> None:
        if self.peek() != character:
            raise self.fault(f"Expecting {character!r}")
        self._at += 1

    def _read_on(self) -> bool:
        """Read at least as much as is still unread, so that a long value is not decoded too often."""
        more = self._file.read(max(_CHARACTERS_AT_ONCE, len(self._text) - self._at))
        if more:
            self._before += self._at
            self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _members(path: Path) -> list[str]:
    """Return the files of GeoJSON in a zip; none where it is damaged."""
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, OSError):
        return []
    return [name for name in names if name.lower().endswith(_SUFFIXES) and not name.startswith("__MACOSX")]
