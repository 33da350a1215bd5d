"""One clear sentence as the last line on the screen when a command fails, with the traceback in a file."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType

from ..messages import hint_of, sentence

__all__ = ["install_excepthook", "report"]


def _save_traceback(error: BaseException, log_dir: str | Path) -> Path | None:
    text = "".join(traceback.format_exception(error))
    for folder in (Path(log_dir), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / "error.log"
            file.write_text(text, encoding="utf-8")
            return file
        except OSError:
            continue
    return None


def report(error: BaseException, log_dir: str | Path) -> None:
    """Print an exception as one sentence on the last line, and write its traceback to ``log_dir/error.log``.

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
    code stays the interpreter's own. Programs that catch everything (servers, notebooks, pytest) notice
    nothing.

    Args:
        log_dir: folder of the file with the traceback.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report(error, log_dir)

    sys.excepthook = hook
