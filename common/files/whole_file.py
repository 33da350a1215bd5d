"""Files that appear whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

__all__ = ["move_file", "write_whole"]

# How long a file is waited for that another program has open.
_WAIT_SECONDS, _PAUSE_SECONDS = 10.0, 0.1


def move_file(source: Path, target: Path) -> None:
    """Put a file in another's place, or where none is, in one step.

    Windows moves no file that another program has open, as an evaluation has the weights while it loads them:
    it is tried again for some seconds.

    Args:
        source: the file.
        target: where it goes, on the same drive.

    Raises:
        PermissionError: if it stays open, or is not ours to move.
    """
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError as error:
            if time.monotonic() >= end:
                name = target if target.exists() else source
                raise PermissionError(
                    f"{name} could not be replaced or moved in {_WAIT_SECONDS:g} s: close the program that"
                    " has it open, or see whether it is yours"
                ) from error
        time.sleep(_PAUSE_SECONDS)


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a hidden file beside `path`, then put it in its place in one step.

    A reader never sees half a file, and one that was there before stays until the new one is complete.

    Args:
        path: the file to make; its folder is made where it is missing.
        write: writes everything to the path it is given, which has the suffix of `path`.

    Returns:
        The file, as a path.

    Raises:
        PermissionError: if another program keeps the earlier file open.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # uuid, not tempfile: the file keeps the permissions that the user's umask gives every other file.
    part = path.with_name(f".{uuid.uuid4().hex}.part{path.suffix}")
    try:
        write(part)
        move_file(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
