"""A board as a file: every score that its table is made of, so that anybody can make the table again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import write_whole
from .board import Board, Entry, Training

__all__ = ["read_board", "read_boards", "write_board"]

_DIGITS = 5


def write_board(file: Path, board: Board) -> Path:
    """Write a board; the same board gives the same bytes.

    Args:
        file: the file, `.json`; one that exists is replaced.
        board: the board.
    """
    text = json.dumps(_rounded(asdict(board)), indent=1, ensure_ascii=False) + "\n"
    return write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))


def read_board(file: Path) -> Board:
    """Read a board.

    Args:
        file: as `write_board` wrote it.

    Raises:
        ValueError: if it holds no board.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        entries = [
            Entry(**{**entry, "trainings": [Training(**training) for training in entry["trainings"]]})
            for entry in told.pop("entries")
        ]
        return Board(**told, entries=entries)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{file} holds no leaderboard ({error}): remove it, python -m scripts.leaderboard writes it anew"
        ) from error


def read_boards(folder: Path) -> dict[Path, Board]:
    """Read all boards of a folder, in the order of their files' names.

    Args:
        folder: it need not exist.

    Returns:
        File -> board.
    """
    return {file: read_board(file) for file in sorted(folder.glob("*.json"))}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
