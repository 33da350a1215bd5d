"""A name for what is moved aside, that nothing has yet."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["free_name"]


def free_name(folder: Path) -> Path:
    """Return a place beside a folder, named by it and by the time, where nothing is.

    Args:
        folder: what is to be moved there.
    """
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    names = (folder.with_name(f"{folder.name}_until_{stamp}{more}") for more in ("", *map(str, range(2, 99))))
    return next(name for name in names if not name.exists())
