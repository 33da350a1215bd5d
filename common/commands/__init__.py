"""What every command line shares: checked options, one-sentence errors, readable logs."""

from __future__ import annotations

from pathlib import Path

from .errors import install_excepthook, report
from .logs import show_logs
from .main import main
from .one_process import refuse_several
from .options import check_options, check_overlays, check_scalars, refuse_unknown
from .termination import end_like_interrupt

__all__ = [
    "check_options",
    "check_overlays",
    "check_scalars",
    "end_like_interrupt",
    "install_excepthook",
    "main",
    "refuse_several",
    "refuse_unknown",
    "report",
    "show_logs",
    "start",
]


def start(log_dir: str | Path = "runs/logs") -> None:
    """Begin a bundle's command: errors as one sentence, readable logs, options checked. For ``initialize``.

    In a configuration: ``{"_target_": "common.commands.start"}``.

    Args:
        log_dir: folder where the traceback of an error is written.

    Raises:
        ValueError: for a misspelt option, an idle overlay or an impossible value, and for several processes.
    """
    install_excepthook(log_dir)
    end_like_interrupt()
    show_logs()
    refuse_several()
    check_options()
