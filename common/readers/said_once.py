"""Remarks that are made once for a file or folder, however often it is read."""

from __future__ import annotations

from pathlib import Path

_said: set[tuple[str, Path]] = set()


def first_time(remark: str, place: str | Path) -> bool:
    """Tell whether a remark is made for the first time of a file or folder, in this process.

    Args:
        remark: a word for what is remarked.
        place: the file or folder.
    """
    key = (remark, Path(place))
    first = key not in _said
    _said.add(key)
    return first
