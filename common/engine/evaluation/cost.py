"""What a method costs, measured while it is evaluated: parameters, images a second, its training."""

from __future__ import annotations

import time
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..order import Moment, call_at
from ..trained.training_cost import cost_of_training

__all__ = ["Cost", "images_per_second"]


def images_per_second(seconds: list[float]) -> float | None:
    """Return how many images a second are segmented.

    Args:
        seconds: how long each took; may be empty.

    Returns:
        None where nothing was measured.

    Example:
        >>> images_per_second([0.5, 0.25, 0.25]), images_per_second([])
        (3.0, None)
    """
    return len(seconds) / sum(seconds) if sum(seconds) > 0 else None


class Cost:
    """Leaves in ``engine.state.cost`` what an evaluated method costs.

    "parameters"; "images_per_second" from the loaded image to its label map, one after the other, without the
    first, which reserves and compiles, with so many "threads"; "training_seconds" and
    "training_processor_seconds" where the folder of the weights tells them. What is not known is left out.
    """

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
        """
        engine.add_event_handler(Events.STARTED, self.started)
        engine.add_event_handler(Events.GET_BATCH_COMPLETED, self.batch_loaded)
        # Before the scores are computed, which are no part of segmenting.
        call_at(Moment.SEED, engine, Events.ITERATION_COMPLETED, self.segmented)
        call_at(Moment.SEED, engine, Events.COMPLETED, self.completed)

    def started(self, engine: Engine) -> None:
        """Begin anew."""
        self._seconds: list[float] = []
        self._begun = time.monotonic()

    def batch_loaded(self, engine: Engine) -> None:
        """Note when an image was there."""
        self._begun = time.monotonic()

    def segmented(self, engine: Engine) -> None:
        """Note how long its label map took."""
        self._seconds.append(time.monotonic() - self._begun)

    def completed(self, engine: Engine) -> None:
        """Leave the figures in the state."""
        cost: dict[str, Any] = {}
        network = getattr(engine, "network", None)
        if isinstance(network, torch.nn.Module):
            cost["parameters"] = sum(each.numel() for each in network.parameters())
        speed = images_per_second(self._seconds[1:])
        if speed is not None:
            cost |= {"images_per_second": speed, "threads": torch.get_num_threads()}
        if weights := getattr(engine.state, "weights_file", None):
            cost |= {f"training_{name}": value for name, value in cost_of_training(weights).items()}
        engine.state.cost = cost
