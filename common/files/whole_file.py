"""Files that appear whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a hidden file beside `path`, then put it in its place in one step.

    A reader never sees half a file, and one that was there before stays until the new one is complete.

    Args:
        path: the file to make; its folder is made where it is missing.
        write: writes everything to the path it is given, which has the suffix of `path`.

    Returns:
        The file, as a path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # uuid, not tempfile: the file keeps the permissions that the user's umask gives every other file.
    part = path.with_name(f".{uuid.uuid4().hex}.part{path.suffix}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
