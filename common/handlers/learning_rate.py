"""The learning rate's schedule: step by step, or on a plateau of the validation loss."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch.optim.lr_scheduler import ReduceLROnPlateau

__all__ = ["LearningRate"]


class LearningRate:
    """Advances a schedule of torch or MONAI: after every step, or, on a plateau, after every validation.

    MONAI's LrScheduleHandler must be told by the configuration when to step and which value a plateau is
    judged by; here `"scheduler"` alone decides, so that an overlay can exchange it.

    Args:
        scheduler: the schedule; `ReduceLROnPlateau` is judged by the validation loss.
        evaluator: the evaluator of the validation.
    """

    def __init__(self, scheduler: Any, evaluator: Evaluator | None = None) -> None:
        self.scheduler, self.evaluator = scheduler, evaluator
        if isinstance(scheduler, ReduceLROnPlateau) and evaluator is None:
            raise ValueError("ReduceLROnPlateau needs the evaluator, whose val_loss it watches")

    def attach(self, engine: Engine) -> None:
        """Follow a trainer; on a plateau it must come after the validation.

        Args:
            engine: a MONAI trainer.
        """
        if isinstance(self.scheduler, ReduceLROnPlateau):
            engine.add_event_handler(Events.EPOCH_COMPLETED, self._validated)
        else:
            engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: self.scheduler.step())

    def _validated(self, engine: Engine) -> None:
        assert self.evaluator is not None
        state = self.evaluator.state
        if state.epoch == engine.state.epoch and "val_loss" in state.metrics:
            self.scheduler.step(state.metrics["val_loss"])
