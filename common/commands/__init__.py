"""What every command line shares: checked options, one-sentence errors, readable logs."""

from __future__ import annotations

from pathlib import Path

import monai.utils

from ..bundle_config import settle_packed
from ..devices import seed_all, tune_cpu
from .decoder_channels import check_decoder, maps_with_nuclei
from .errors import install_excepthook, report
from .logs import show_logs
from .main import main
from .one_process import refuse_several
from .option_names import refuse_unknown
from .option_values import check_scalars
from .options import check_options, check_overlays, is_bundle_command
from .termination import end_like_interrupt

__all__ = [
    "check_decoder",
    "check_options",
    "check_overlays",
    "check_scalars",
    "end_like_interrupt",
    "install_excepthook",
    "main",
    "maps_with_nuclei",
    "refuse_several",
    "refuse_unknown",
    "report",
    "show_logs",
    "start",
]


def start(log_dir: str | Path = "runs/logs", *, seed: int | None = None) -> None:
    """Begin a run of a bundle: options checked, random numbers seeded. For ``initialize``.

    Where ``python -m monai.bundle`` is the program, the process is set up as well: errors as one sentence,
    readable logs, SIGTERM as Ctrl-C, a quick processor, deterministic convolutions. In a host (MONAI Label, a
    notebook) all of that is the host's own affair; `run_training` sets what a training needs while it trains.

    In a configuration: ``{"_target_": "common.commands.start", "seed": "@seed"}``.

    Args:
        log_dir: folder where the traceback of an error is written.
        seed: of torch, numpy and Python; None: they stay as they are.

    Raises:
        ValueError: for a misspelt option, an idle overlay or an impossible value, and for several processes.
    """
    ours = is_bundle_command()
    if ours:
        install_excepthook(log_dir)
        end_like_interrupt()
        show_logs()
        tune_cpu()
    refuse_several()
    settle_packed()
    check_options()
    if seed is not None:
        (monai.utils.set_determinism if ours else seed_all)(seed)
