"""`last.pt`: all that a training needs to go on as if it had never been cut."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator

from ..order import Moment, call_at
from .best import BestCheckpoint
from .early_stop import EarlyStop
from .file import save_checkpoint
from .resume import Resume

__all__ = ["LastCheckpoint"]

_log = logging.getLogger(__name__)
# What torch's schedules count: steps; what a plateau saw; the place in a cycle; the parts of a sequence.
_PROGRESS = {
    *("last_epoch", "_step_count", "_last_lr"),
    *("best", "num_bad_epochs", "cooldown_counter"),
    *("T_cur", "T_i", "_schedulers"),
}


@runtime_checkable
class Average(Protocol):
    """An average of the weights; `WeightAverage` is one."""

    decay: float
    steps: int

    def network_state(self) -> dict[str, torch.Tensor]:
        """Return the averaged weights as the network's own state dict."""

    def load(self, network_state: Mapping[str, torch.Tensor], steps: int) -> None:
        """Go on averaging."""


def _plain(value: Any) -> Any:
    # numpy's numbers would make the file one that torch.load refuses with weights_only=True.
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else value


def _progress_of(scheduler: Any) -> dict[str, Any]:
    """Return how far a schedule is, without what it was told: a longer training has a longer schedule."""
    return {key: value for key, value in scheduler.state_dict().items() if key in _PROGRESS}


def _loss_state(engine: Engine) -> dict[str, Any]:
    """Return what the loss has counted or learnt so far; most losses have nothing."""
    loss = getattr(engine, "loss_function", None)
    return dict(loss.state_dict()) if isinstance(loss, torch.nn.Module) else {}


class LastCheckpoint:
    """Keeps the state of a training after every epoch as ``last.pt``, and puts it back where one is resumed.

    ``"network"`` in the file is a plain state dict that can be evaluated: the averaged weights where there is
    an average; the weights that training goes on with are then ``"training_network"``.

    Args:
        ckpt_dir: folder of the file.
        network: the network.
        optimizer: the optimizer.
        scheduler: the learning rate's schedule.
        evaluator: the evaluator of the validation, whose best score is kept.
        best: the keeper of the best weights.
        early_stop: what counts the epochs without improvement.
        average: the average of the weights.
        resume: what is continued; None continues nothing.
    """

    def __init__(
        self,
        ckpt_dir: str | Path,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        scheduler: Any = None,
        evaluator: Evaluator | None = None,
        best: BestCheckpoint | None = None,
        early_stop: EarlyStop | None = None,
        average: Average | None = None,
        resume: Resume | None = None,
    ) -> None:
        self.path = Path(ckpt_dir) / "last.pt"
        self.network = network
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.evaluator = evaluator
        self.best = best
        self.early_stop = early_stop
        self.average = average if average is not None and average.decay else None
        self.resume = resume

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        call_at(Moment.RESTORE, engine, Events.STARTED, self.started)
        call_at(Moment.SAVE, engine, Events.EPOCH_COMPLETED, self.epoch_completed)

    def started(self, engine: Engine) -> None:
        """Put back the state that is resumed."""
        if self.resume is not None and self.resume.found and engine.state.epoch == 0:
            self._restore(engine, self.resume.take())
            _log.info("resumed after epoch %d of %d", engine.state.epoch, engine.state.max_epochs)

    def epoch_completed(self, engine: Engine) -> None:
        """Write the file."""
        save_checkpoint(self._state(engine), self.path)

    def _state(self, engine: Engine) -> dict[str, Any]:
        state: dict[str, Any] = {"network": self.network.state_dict()}
        if self.average is not None:
            state["training_network"] = state["network"]
            state["network"] = self.average.network_state()
            state["averaged_steps"] = self.average.steps
        if self.optimizer is not None:
            state["optimizer"] = self.optimizer.state_dict()
        if self.scheduler is not None:
            state["scheduler"] = _plain(_progress_of(self.scheduler))
        if self.early_stop is not None:
            state["early_stop"] = _plain(self.early_stop.state_dict())
        if self.evaluator is not None:
            best = self.evaluator.state
            state["best"] = _plain({"metric": best.best_metric, "epoch": best.best_metric_epoch})
        if loss_state := _loss_state(engine):
            state["loss"] = loss_state
        if (scaler := getattr(engine, "scaler", None)) is not None:
            state["scaler"] = scaler.state_dict()
        state.update(epoch=engine.state.epoch, iteration=engine.state.iteration)
        # Without MLflow the run that is continued is still that of a later start.
        earlier = None if self.resume is None else self.resume.run_id
        state["mlflow_run_id"] = getattr(engine.state, "mlflow_run_id", None) or earlier
        return {**state, **(self.resume.saved() if self.resume is not None else {})}

    def _restore(self, engine: Engine, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state.get("training_network", state["network"]))
        if self.average is not None:
            self.average.load(state["network"], state.get("averaged_steps", 0))
        if self.optimizer is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            # What the file does not hold (how long a longer training is) stays as it was made.
            self.scheduler.load_state_dict({**self.scheduler.state_dict(), **state["scheduler"]})
        if self.early_stop is not None:
            self.early_stop.load_state_dict(state["early_stop"])
        if self.evaluator is not None:
            best = state["best"]
            self.evaluator.state.best_metric = best["metric"]
            self.evaluator.state.best_metric_epoch = best["epoch"]
            if self.best is not None and best["epoch"] > 0:
                self.best.continue_from(best["metric"])
        if _loss_state(engine) and "loss" in state:
            engine.loss_function.load_state_dict(state["loss"])
        if getattr(engine, "scaler", None) is not None and "scaler" in state:
            engine.scaler.load_state_dict(state["scaler"])
        engine.state.epoch, engine.state.iteration = state["epoch"], state["iteration"]
