"""Rows of figures as a Markdown table and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import write_whole

__all__ = ["markdown", "write_report"]


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table; figures in three digits, what a row has not is empty.

    Args:
        rows: name of the column -> value.

    Example:
        >>> print(markdown([{"bundle": "a", "seconds": 0.12345}, {"bundle": "b", "steps": 12}]))
        | bundle | seconds | steps |
        |---|---|---|
        | a | 0.123 |  |
        | b |  | 12 |
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[_shown(row.get(name)) for name in columns] for row in rows]
    return "\n".join(
        "|".join(("", *cells, "")) if cells[0] == "---" else f"| {' | '.join(cells)} |" for cells in lines
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write_report(path: str | Path, machine: Mapping[str, Any], **content: Any) -> Path:
    """Write figures with the machine that they were taken on, whole or not at all.

    Args:
        path: JSON file.
        machine: see `describe_machine`.
        content: what else there is to tell, by name.
    """
    text = json.dumps({"machine": machine, **content}, indent=2) + "\n"
    return write_whole(Path(path), lambda part: part.write_text(text, encoding="utf-8"))
