"""Tables of Excel files (.xlsx): the rows of each sheet as texts by their headings."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

_DAMAGE = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, LookupError, ValueError, OSError)


def xlsx_rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of all sheets; the first row of a sheet has its headings, and empty cells are left out.

    Args:
        file: the .xlsx file.

    Raises:
        ValueError: if it is none, or damaged.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            names = packed.namelist()
            shared = []
            if "xl/sharedStrings.xml" in names:
                shared = [_text(each) for each in _xml(packed, "xl/sharedStrings.xml").iterfind("{*}si")]
            sheets = sorted(name for name in names if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name))
            return [row for name in sheets for row in _by_headings(_xml(packed, name), shared)]
    except _DAMAGE as error:
        raise ValueError(f"{file} is no whole .xlsx file ({error}): download it again") from None


def _xml(packed: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(packed.read(name))


def _text(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in element.iterfind(".//{*}t"))


def _by_headings(sheet: ElementTree.Element, shared: list[str]) -> Iterator[dict[str, str]]:
    headings: dict[str, str] | None = None
    for row in sheet.iterfind("{*}sheetData/{*}row"):
        cells = {column: text for column, text in _cells(row, shared) if text}
        if headings is None:
            headings = cells
        elif cells:
            yield {headings[column]: text for column, text in cells.items() if column in headings}


def _cells(row: ElementTree.Element, shared: list[str]) -> Iterator[tuple[str, str]]:
    for cell in row.iterfind("{*}c"):
        value = cell.findtext("{*}v") or ""
        kind = cell.get("t")
        text = _text(cell) if kind == "inlineStr" else shared[int(value)] if kind == "s" and value else value
        yield re.sub(r"\d", "", cell.get("r", "")), text.strip()
