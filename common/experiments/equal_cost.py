"""How long a bundle is trained so that it costs a given processor time: two tiny trainings tell its pace."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..bundle_config import written
from ..engine.trained import cost_of_training
from ..files import write_whole
from .command import CommandError, run_command
from .run_cell import words_of

__all__ = ["Pace", "measured_pace", "training_length"]

_EPOCHS = 3  # the cascade's first stage has a third of the epochs
_FEW, _MORE = 1, 6  # steps an epoch
_VALIDATIONS = 4
_EPOCHS_AT_LEAST = 8


@dataclass(frozen=True)
class Pace:
    """What a training costs, in seconds of all threads together."""

    step: float
    """Of one step, with the making of its batch."""
    beside: float
    """Of all that a training of few steps costs beside them: its images are read, and validated once."""


def training_length(pace: Pace, minutes: float, steps_per_epoch: int) -> dict[str, int]:
    """Return the options of a training that costs at most so much.

    Four validations are counted as dear as everything beside the steps, so that no training costs more.

    Args:
        pace: what it costs.
        minutes: of processor time.
        steps_per_epoch: the bundle's own; fewer where eight epochs of so many cost more.

    Returns:
        epochs, steps_per_epoch, val_interval, warmup_epochs.

    Raises:
        ValueError: if the time is not enough for eight steps.

    Example:
        >>> training_length(Pace(step=1.0, beside=15.0), 10, 50)
        {'epochs': 10, 'steps_per_epoch': 50, 'val_interval': 3, 'warmup_epochs': 1}
        >>> training_length(Pace(step=3.0, beside=15.0), 5, 50)
        {'epochs': 8, 'steps_per_epoch': 10, 'val_interval': 2, 'warmup_epochs': 1}
    """
    left = minutes * 60 - _VALIDATIONS * pace.beside
    steps = int(left / pace.step)
    if steps < _EPOCHS_AT_LEAST:
        least = (_VALIDATIONS * pace.beside + _EPOCHS_AT_LEAST * pace.step) / 60
        raise ValueError(
            f"--minutes {minutes:g} is too short: reading, validating and 8 steps take {least:.1f}"
        )
    each = min(steps_per_epoch, steps // _EPOCHS_AT_LEAST)
    epochs = steps // each
    return {
        "epochs": epochs,
        "steps_per_epoch": each,
        "val_interval": -(-epochs // _VALIDATIONS),
        "warmup_epochs": 1,
    }


def measured_pace(
    bundle: str,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    places: Mapping[str, Any],
    key: str,
    heard: Callable[[str], None] | None = None,
) -> Pace:
    """Train a bundle for a few steps, twice, and tell what a step costs; what is known is not measured again.

    All seeds and folds then have the same length, and a comparison that was cut goes on with its own.

    Args:
        bundle: its name.
        settings: top-level items that replace those of its train.json.
        folder: where `pace.json` is kept.
        places: where the data are and how it runs: dataset_dir, device.
        key: text that changes with whatever the pace depends on.
        heard: takes the commands' last lines while they run.

    Raises:
        CommandError: if a training fails, or does not tell its cost.
    """
    file = folder / "pace.json"
    known = _read(file)
    if known.get("key") == key:
        return Pace(known["step"], known["beside"])
    costs = [
        _cost(bundle, settings, folder / "pace", places=places, steps=n, heard=heard) for n in (_FEW, _MORE)
    ]
    # A busy machine may make the longer one the cheaper one.
    step = max((costs[1] - costs[0]) / (_EPOCHS * (_MORE - _FEW)), costs[1] / 100)
    pace = Pace(round(step, 4), round(max(costs[0] - _EPOCHS * _FEW * step, 0.0), 2))
    text = json.dumps({**asdict(pace), "key": key}, indent=2)
    write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))
    return pace


def _cost(
    bundle: str,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    places: Mapping[str, Any],
    steps: int,
    heard: Callable[[str], None] | None,
) -> float:
    """Return the processor seconds of three epochs of so many steps, and one validation."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tiny = {"epochs": _EPOCHS, "steps_per_epoch": steps, "val_interval": _EPOCHS, "warmup_epochs": 1}
    overlay = folder / "settings.json"
    overlay.write_text(written({**settings, **tiny, "mlflow": False}), encoding="utf-8")
    checkpoints = folder / "checkpoints"
    words = ["training", *words_of(bundle, overlay, places), "--ckpt_dir", checkpoints.as_posix()]
    run_command(["monai.bundle", "run", *words], log=folder / "log.txt", environment={}, heard=heard)
    cost = cost_of_training(checkpoints / "model.pt")
    if not cost:
        raise CommandError(f"a training of {bundle} did not tell what it cost, in {checkpoints.as_posix()}")
    shutil.rmtree(folder)
    return cost["processor_seconds"]


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return told if isinstance(told, dict) else {}
    except (OSError, ValueError):
        return {}
