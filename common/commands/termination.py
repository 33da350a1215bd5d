"""A request to end (SIGTERM, as cluster schedulers and `kill` send it) is treated like Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

__all__ = ["end_like_interrupt"]


def _interrupt(number: int, frame: FrameType | None) -> None:
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return  # what is being closed because of the first request must not be broken off
        error = error.__context__
    raise KeyboardInterrupt


def end_like_interrupt() -> None:
    """From now on let SIGTERM raise KeyboardInterrupt, so that open files and runs in MLflow are closed.

    By itself Python ends at once on SIGTERM and closes nothing: a run in MLflow would stay open for ever. A
    program that has its own answer keeps it, and threads, which cannot receive signals, change nothing. While
    a KeyboardInterrupt is handled SIGTERM changes nothing: a grid hears Ctrl-C too, and sends it afterwards.

    Example:
        >>> import signal
        >>> before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        >>> end_like_interrupt()
        >>> try:
        ...     signal.raise_signal(signal.SIGTERM)
        ... except KeyboardInterrupt:
        ...     print("closed in good order")
        closed in good order
        >>> _ = signal.signal(signal.SIGTERM, before)
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
