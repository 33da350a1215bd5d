"""What one epoch of training gave: mean loss and its named terms, learning rate, duration."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Trainer

__all__ = ["EpochAverages", "averages_of", "loss_of"]


def loss_of(output: Any) -> torch.Tensor | None:
    """Return the loss in an engine's output, which MONAI makes a dictionary or, decollated, a list of these.

    Args:
        output: ``engine.state.output`` of a MONAI trainer.

    Returns:
        The loss of the batch as a tensor without dimensions, or None where there is none.
    """
    item = output[0] if isinstance(output, (list, tuple)) and output else output
    loss = item.get("loss") if isinstance(item, Mapping) else None
    if loss is None:
        return None
    return torch.as_tensor(loss).detach().float().mean()


class EpochAverages:
    """Averages over the iterations of the current epoch; the progress line and MLflow both read them.

    A loss that keeps its parts in a dictionary ``terms`` (name to tensor, renewed in every forward) has each
    averaged too. Values stay on the device until they are read, so that no iteration waits for a GPU.
    """

    def __init__(self) -> None:
        self.learning_rates: list[float] = []
        self._began = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)

    def _epoch_started(self, engine: Engine) -> None:
        self._began = time.monotonic()
        self._reset()

    def _iteration_completed(self, engine: Engine) -> None:
        loss = loss_of(engine.state.output)
        if loss is None:
            return
        terms = getattr(getattr(engine, "loss_function", None), "terms", None) or {}
        values = {
            "loss": loss,
            **{str(k): torch.as_tensor(v).detach().float().mean() for k, v in terms.items()},
        }
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._count += 1
        # Read here, because a schedule that steps per epoch has moved on when the epoch's handlers run.
        groups = getattr(getattr(engine, "optimizer", None), "param_groups", [])
        self.learning_rates = [float(group["lr"]) for group in groups]

    @property
    def seconds(self) -> float:
        """Seconds since the epoch began."""
        return time.monotonic() - self._began

    @property
    def loss(self) -> float:
        """Mean loss of the epoch so far; NaN before the first iteration."""
        return float(self._sums["loss"]) / self._count if self._count else float("nan")

    @property
    def terms(self) -> dict[str, float]:
        """Mean of each named term of the loss over the epoch so far."""
        return {name: float(total) / self._count for name, total in self._sums.items() if name != "loss"}


def averages_of(trainer: Trainer) -> EpochAverages:
    """Return the averages of a trainer, which several handlers share; the first one to ask attaches them.

    Args:
        trainer: a MONAI trainer.

    Returns:
        The one `EpochAverages` that follows this trainer.
    """
    averages = getattr(trainer, "epoch_averages", None)
    if averages is None:
        averages = EpochAverages()
        averages.attach(trainer)
        trainer.epoch_averages = averages
    return averages
