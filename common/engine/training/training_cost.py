"""Notes after every epoch what a training has cost so far, so that methods can be compared at equal cost."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from ...files import write_whole
from ..checkpoints import Resume
from ..order import Moment, call_at
from ..trained.training_cost import COST_FILE

__all__ = ["TrainingCost"]


def _processor_seconds() -> float:
    # Of all threads of this process, and of workers that have ended.
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class TrainingCost:
    """Writes ``training_cost.json`` into a training's folder: seconds, and seconds of all processors.

    Validation is included. A training that is continued adds to what its earlier starts have cost.

    Args:
        ckpt_dir: folder of the training.
        resume: the training that is continued; None continues nothing.
    """

    def __init__(self, ckpt_dir: str | Path, *, resume: Resume | None = None) -> None:
        self.file = Path(ckpt_dir) / COST_FILE
        self.resume = resume
        self._before = {"seconds": 0.0, "processor_seconds": 0.0}
        self._begun = (time.monotonic(), _processor_seconds())

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        call_at(Moment.RESTORE, engine, Events.STARTED, self.started)
        call_at(Moment.SAVE, engine, Events.EPOCH_COMPLETED, self.epoch_completed)

    def started(self, engine: Engine) -> None:
        """Begin to count, from zero or from what the continued training has cost."""
        self._begun = (time.monotonic(), _processor_seconds())
        if self.resume is None or not self.resume.found:
            return
        try:
            told = json.loads(self.file.read_text(encoding="utf-8"))
            self._before = {name: float(told[name]) for name in self._before}
        except (OSError, ValueError, KeyError, TypeError):
            # It was begun by an earlier version of this project: what it cost until now is not known.
            self._before = dict.fromkeys(self._before, math.nan)

    def epoch_completed(self, engine: Engine) -> None:
        """Write the file."""
        spent = (time.monotonic() - self._begun[0], _processor_seconds() - self._begun[1])
        cost = {
            name: round(was + now, 2) for (name, was), now in zip(self._before.items(), spent, strict=True)
        }
        if math.isnan(cost["seconds"]):
            return  # part of it is unknown, and half the truth would look like a quick training
        told = {**cost, "epochs": engine.state.epoch, "threads": torch.get_num_threads()}
        write_whole(self.file, lambda part: part.write_text(json.dumps(told, indent=2), encoding="utf-8"))
