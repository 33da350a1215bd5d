"""A checkpoint on the disk: whole, and there after a power cut."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...files import write_whole

__all__ = ["save_checkpoint"]


def save_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint that is on the disk, whole, when this returns.

    Args:
        checkpoint: what `torch.save` takes.
        path: the file, replaced in one step.
    """

    def write(part: Path) -> None:
        with open(part, "wb") as file:
            torch.save(checkpoint, file)
            # On the disk before it takes the old one's place: hours of training must survive a power cut.
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)
    if os.name == "posix":
        # The name, too, is on the disk only when its folder is; Windows cannot open folders.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
