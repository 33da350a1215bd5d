"""Folders that appear whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_whole_folder"]


def write_whole_folder(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a hidden folder beside `path`, then put it in its place.

    One that was there before stays until the new one is complete, and then goes: who calls this has looked
    that it may.

    Args:
        path: the folder to make; the folder around it is made where it is missing.
        write: writes everything into the empty folder that it is given.

    Returns:
        The folder, as a path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    earlier = path.with_name(f".{uuid.uuid4().hex}.earlier")
    part.mkdir()
    try:
        write(part)
        # No system replaces a full folder in one step: between the two lines there is none, never half a one.
        if path.exists():
            path.rename(earlier)
        part.rename(path)
    except BaseException:
        if earlier.exists() and not path.exists():
            earlier.rename(path)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(earlier, ignore_errors=True)
    return path
