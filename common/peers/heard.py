"""What a peer prints while it works, on one line of the terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable

__all__ = ["heard_on_terminal"]

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f]")


def heard_on_terminal() -> Callable[[str], None] | None:
    """Return what shows the latest words of a program in place; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        return None

    def show(text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{_CONTROL.sub('', text)[:width]:<{width}}", end="\r", flush=True)

    return show
