"""What becomes of the gradients between the last backward pass and the optimizer's step."""

from __future__ import annotations

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

__all__ = ["GradientStep", "batches_in_step", "ends_step"]


def ends_step(engine: Engine) -> bool:
    """Return whether the optimizer steps in this iteration: the last of a group of batches, or of an epoch.

    Args:
        engine: a MONAI trainer with ``accumulation_steps``.
    """
    return batches_in_step(engine) == engine.accumulation_steps or _place(engine) == engine.state.epoch_length


def batches_in_step(engine: Engine) -> int:
    """Return how many batches the gradients of this step come from so far.

    Args:
        engine: a MONAI trainer with ``accumulation_steps``.
    """
    return (_place(engine) - 1) % engine.accumulation_steps + 1


def _place(engine: Engine) -> int:
    return (engine.state.iteration - 1) % engine.state.epoch_length + 1


class GradientStep:
    """Averages gradients over the batches of a step, and clips their norm. For a trainer.

    MONAI divides by ``accumulation_steps`` even in an epoch's last group, which may have fewer batches: here
    the gradient of such a group becomes the mean of its own.

    Args:
        optimizer: the optimizer.
        clip_norm: largest norm of all gradients together; 0 clips nothing.

    Raises:
        ValueError: if the norm is negative.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, clip_norm: float = 0.0) -> None:
        if not clip_norm >= 0:
            raise ValueError(f"--clip_norm must be 0 (no clipping) or above, not {clip_norm}")
        self.optimizer = optimizer
        self.clip_norm = clip_norm

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self.backward_completed)

    def backward_completed(self, engine: Engine) -> None:
        """Mend and clip the gradients, where the optimizer is about to step."""
        if not ends_step(engine):
            return
        parameters = [
            p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        if (batches := batches_in_step(engine)) < engine.accumulation_steps:
            for parameter in parameters:
                parameter.grad *= engine.accumulation_steps / batches
        if self.clip_norm:
            if engine.scaler is not None:
                # Mixed precision scales gradients up; the scaler remembers that it has taken that back.
                engine.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(parameters, self.clip_norm)
