"""The validation of a training: every few epochs, and after the last one."""

from __future__ import annotations

from ignite.engine import Engine
from monai.engines import Evaluator
from monai.handlers import ValidationHandler

__all__ = ["Validation"]


class Validation(ValidationHandler):
    """Runs an evaluator after every so many epochs of a trainer, and always after the last.

    MONAI's handler leaves out the last epochs where the interval does not divide their number: what was
    learnt in them could never become the best.

    Args:
        validator: the evaluator.
        interval: epochs from one validation to the next.

    Raises:
        ValueError: if the interval is no such number.
    """

    def __init__(self, validator: Evaluator, *, interval: int = 1) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
            raise ValueError(f"--val_interval must be a whole number of at least 1, not {interval!r}")
        super().__init__(1, validator)
        self.every = interval

    def __call__(self, engine: Engine) -> None:
        """Validate, if it is time."""
        state = engine.state
        if state.epoch % self.every == 0 or state.epoch == state.max_epochs:
            super().__call__(engine)
