"""The learning rate's schedule: step by step, or on a plateau of the validation."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..checkpoints import key_score
from ..order import Moment, call_at
from .gradient_step import ends_step

__all__ = ["LearningRate"]


class LearningRate:
    """Advances a schedule of torch or MONAI: after every step, or, on a plateau, after every validation.

    MONAI's LrScheduleHandler must be told by the configuration when to step and which value a plateau is
    judged by; here `"scheduler"` alone decides, so that an overlay can exchange it.

    Args:
        scheduler: the schedule; `ReduceLROnPlateau` is judged by the validation loss, or, with `mode="max"`,
            by the key metric, which also selects the best model.
        evaluator: the evaluator of the validation.

    Raises:
        ValueError: if a plateau has no evaluator to watch.
    """

    def __init__(self, scheduler: Any, evaluator: Evaluator | None = None) -> None:
        self.scheduler, self.evaluator = scheduler, evaluator
        if isinstance(scheduler, ReduceLROnPlateau) and evaluator is None:
            raise ValueError("ReduceLROnPlateau watches the validation: give LearningRate its evaluator")

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        if isinstance(self.scheduler, ReduceLROnPlateau):
            call_at(Moment.SCHEDULE, engine, Events.EPOCH_COMPLETED, self._epoch_completed)
        else:
            call_at(Moment.SCHEDULE, engine, Events.ITERATION_COMPLETED, self._iteration_completed)

    def _iteration_completed(self, engine: Engine) -> None:
        if ends_step(engine):
            self.scheduler.step()

    def _epoch_completed(self, engine: Engine) -> None:
        assert self.evaluator is not None
        state = self.evaluator.state
        if state.epoch != engine.state.epoch:
            return  # between two validations the state still holds the earlier one
        if self.scheduler.mode == "max":
            self.scheduler.step(key_score(self.evaluator))
        elif "val_loss" in state.metrics:
            self.scheduler.step(state.metrics["val_loss"])
