"""Tables of Excel files (.xlsx): the rows of each sheet as texts by their headings."""

from __future__ import annotations

import zipfile
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException


def xlsx_rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of all sheets; the first row of a sheet has its headings, and empty cells are left out.

    Args:
        file: the .xlsx file.

    Raises:
        ValueError: if it is none, or damaged.
    """
    try:
        book = load_workbook(file, data_only=True)
        sheets = [[[_text(cell) for cell in row] for row in sheet.values] for sheet in book.worksheets]
    except (InvalidFileException, zipfile.BadZipFile, LookupError, ValueError, TypeError, OSError) as error:
        raise ValueError(f"{file} is no whole .xlsx file ({error}): download it again") from None
    found = []
    for headings, *rows in filter(None, sheets):
        named = (
            {name: text for name, text in zip(headings, row, strict=True) if name and text} for row in rows
        )
        found += [row for row in named if row]
    return found


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
