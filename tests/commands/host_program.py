"""A host, such as a server: it trains and segments from Python and prints what of its own was changed by it.

python tests/commands/host_program.py SAMPLE OUTPUT
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import ignite.engine  # noqa: F401  imported before anything is compared, as are monai and torch
import monai.bundle
import torch

SMALL = {
    **{
        "epochs": 1,
        "steps_per_epoch": 1,
        "batch_size": 1,
        "crop_px": 32,
        "warmup_epochs": 0,
        "mlflow": False,
    },
    "network_def": {
        **{"_target_": "monai.networks.nets.UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 4},
        **{"channels": [4, 8], "strides": [2]},
    },
}
NAMES = (
    "common",
    "ignite.engine.engine",
    "alembic",
    "mlflow.store.db.utils",
    "LoadImage",
    "monai.bundle.scripts",
)


def flushes_denormals() -> bool:
    return float(torch.full((1,), 1e-30) * 1e-10) == 0


def keeps_freed_memory() -> bool:
    """Tell whether 64 MB stay with the process after they were freed; False where that cannot be seen."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        return False
    before = int(status.read_text().split()[1])
    torch.ones(2**24)
    return (int(status.read_text().split()[1]) - before) * os.sysconf("SC_PAGE_SIZE") > 2**25


def state() -> dict[str, Any]:
    """Return what belongs to the host, each as text."""
    loggers = [logging.getLogger(), *map(logging.getLogger, NAMES)]
    found = {
        "signals": {number.name: signal.getsignal(number) for number in signal.Signals},
        "hooks": [sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook],
        "streams": [sys.stdout, sys.stderr],
        "loggers": [(each.name, each.level, each.handlers, each.filters, each.propagate) for each in loggers],
        "logging": [logging.root.manager.disable, logging.getLoggerClass(), logging.lastResort],
        "warnings": [*warnings.filters, warnings.showwarning],
        "cudnn": [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark],
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the seed of MONAI": monai.utils.get_seed(),
        "denormal numbers": flushes_denormals(),
        "memory": keeps_freed_memory(),
        "torch": [torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        # torch itself notes there where its compiler keeps files.
        "environment": {name: os.environ[name] for name in os.environ if "INDUCTOR" not in name},
        "folder": os.getcwd(),
    }
    return {name: str(value) for name, value in found.items()}


def own_everything() -> None:
    """Give answers of its own to all that a command would set up."""
    sys.excepthook = lambda *error: None
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    logging.basicConfig(level=logging.ERROR, handlers=[logging.NullHandler()])
    for name in NAMES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    warnings.filterwarnings("default", message="a filter of the host")
    torch.backends.cudnn.benchmark = True


def main(sample: str, output: str) -> None:
    """Do it, and print the differences as one line of JSON."""
    own_everything()
    seen: list[dict[str, str]] = [state()]
    during: dict[str, Any] = {}

    def note(engine: Any) -> None:
        during["denormal numbers"] = flushes_denormals()
        during["cudnn"] = [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark]

    def run(job: str, config: str, **options: Any) -> None:
        monai.bundle.run(
            job,
            config_file=f"bundles/logsage/configs/{config}.json",
            logging_file=False,
            **{"dataset_dir": sample, "ckpt_dir": output, "network_def": SMALL["network_def"], **options},
        )
        seen.append(state())

    workflow = monai.bundle.ConfigWorkflow(
        "bundles/logsage/configs/train.json",
        logging_file=False,
        **{**SMALL, "dataset_dir": sample, "ckpt_dir": f"{output}/broken"},
    )
    workflow.initialize()
    trainer = workflow.parser.get_parsed_content("train::trainer")
    trainer.add_event_handler(ignite.engine.Events.ITERATION_COMPLETED, note)
    trainer.add_event_handler(ignite.engine.Events.ITERATION_COMPLETED, lambda: 1 / 0)
    try:
        workflow.run()
    except RuntimeError as error:
        during["broke"] = isinstance(error.__cause__, ZeroDivisionError)
    seen.append(state())
    run("training", "train", **SMALL)
    run("run", "inference", output_dir=f"{output}/segmented")
    changed = {
        name: [value, after[name]]
        for after in seen[1:]
        for name, value in seen[0].items()
        if after[name] != value
    }
    print(json.dumps({"changed": changed, "during": during}))


if __name__ == "__main__":
    main(*sys.argv[1:])
