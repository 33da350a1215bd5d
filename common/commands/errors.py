"""One clear sentence as the last line on the screen when a command fails, with the traceback in a file."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import TracebackType

from ..messages import hint_of, sentence

__all__ = ["install_excepthook", "report"]

# Tracebacks that stay in a folder, the newest.
_KEPT = 10
_FILES = "error_????????-??????_*.log"


def _save_traceback(error: BaseException, log_dir: str | Path) -> Path | None:
    text = "".join(traceback.format_exception(error))
    # Commands that run side by side share the folder: each has a file of its own, and names sort by time.
    name = f"error_{time.strftime('%Y%m%d-%H%M%S')}_{os.getpid()}.log"
    for folder in (Path(log_dir), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / name
            file.write_text(text, encoding="utf-8")
        except OSError:
            continue
        for old in sorted(set(folder.glob(_FILES)) - {file})[: 1 - _KEPT]:
            with contextlib.suppress(OSError):  # another command was quicker, or it is another user's
                old.unlink()
        return file
    return None


def report(error: BaseException, log_dir: str | Path) -> None:
    """Print an exception as one sentence on the last line, and write its traceback to a file of its own.

    The file is ``error_TIME_PROCESS.log``; the newest ten stay.

    Args:
        error: the exception.
        log_dir: folder of the file, made if needed; the system's temporary folder where it cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    hint = hint_of(error)
    hint = f"; {hint}" if hint else ""
    if isinstance(error, KeyboardInterrupt):
        print(f"\ninterrupted{hint}", file=sys.stderr, flush=True)
        return
    file = _save_traceback(error, log_dir)
    if file is None:
        traceback.print_exception(error)
    else:
        print(f"\nthe full traceback is in {file}", file=sys.stderr)
    print(f"error: {sentence(error)}{hint}", file=sys.stderr, flush=True)


def install_excepthook(log_dir: str | Path) -> None:
    """From now on let an exception that ends the program be printed by `report`.

    It is only a hook of the interpreter: exceptions stay ordinary ones for whoever catches them, and the exit
    code stays the interpreter's own. It belongs into programs of our own: a host has its own answer.

    Args:
        log_dir: folder of the file with the traceback.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report(error, log_dir)

    sys.excepthook = hook
