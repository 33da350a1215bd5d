"""A configuration or metadata file as it is written, or one sentence that says where it is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..messages import nearest

__all__ = ["read_json"]


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise KeyError(twice)
    return found


def read_json(file: str | Path) -> dict[str, Any]:
    """Read a configuration or metadata file.

    Args:
        file: the file.

    Raises:
        ValueError: it is not there, no JSON (with line and column), has a key twice, or is no object.
    """
    path = Path(file)
    if not path.is_file():
        near = nearest(path.name, [each.name for each in path.parent.glob("*.json")])
        hint = f": did you mean {(path.parent / near).as_posix()}?" if near else ""
        raise ValueError(f"{path.as_posix()} is not there{hint}")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.as_posix()} is no text in UTF-8: save it as such") from error
    if not text.strip():
        raise ValueError(f"{path.as_posix()} is empty: write the settings into it, at least {{}}")
    try:
        content = json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        place = f"{path.as_posix()}, line {error.lineno}, column {error.colno}"
        raise ValueError(f"{place}: no JSON: {error.msg}{_json_hint(text, error)}") from error
    except KeyError as error:
        raise ValueError(f"{path.as_posix()}: {error.args[0]!r} stands twice in one object") from error
    if not isinstance(content, dict):
        found = "a list" if isinstance(content, list) else f"{content!r:.40}"
        raise ValueError(
            f'{path.as_posix()}, line 1: it must be an object, {{"name": value, ...}}, not {found}'
        )
    return content


def _json_hint(text: str, error: json.JSONDecodeError) -> str:
    """Return the rest of the sentence about the slips that people make most."""
    here = text[error.pos : error.pos + 1]
    after_comma = text[: error.pos].rstrip().endswith(",") and here in ("}", "]")
    if after_comma or error.msg.startswith("Illegal trailing"):  # the words of Python 3.13
        return ": take away the comma before the closing bracket"
    if here == "'":
        return ": JSON wants double quotes"
    if any(text.startswith(word, error.pos) for word in ("True", "False", "None")):
        return ": JSON writes true, false and null"
    if text.startswith(("#", "//"), error.pos):
        return ": JSON has no comments"
    return ""
