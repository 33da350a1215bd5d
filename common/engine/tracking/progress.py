"""What a person sees of a training: a bar within the epoch on a terminal, one line per epoch everywhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from monai.engines import Evaluator

from ..order import Moment, call_at
from ..training import averages_of
from ..training.epoch_averages import loss_of

__all__ = ["Progress", "duration"]


def duration(seconds: float) -> str:
    """Return a length of time in words, as coarse as is useful.

    Example:
        >>> duration(12.3), duration(200), duration(7380)
        ('12 s', '3 min', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _short(name: str) -> str:
    return name.removesuffix("_pooled").removesuffix("_mean")


class Progress:
    """Shows how a training goes.

    ``epoch 3/50  loss 0.412 | val pq 0.610 f1_50 0.780 | best 0.610 @3 | 12 s, 9 min left``

    On a terminal a bar with the loss and the time left runs within each epoch; into a file or a pipe, a line
    is written at most every ``every_seconds``.

    Args:
        evaluator: the evaluator of the validation, if there is one.
        scores: scores of the validation to show besides the one that selects the best model.
        every_seconds: least time in seconds between lines within an epoch, where there is no bar.
        bar: whether to show the bar; by default if stdout is a terminal.
    """

    def __init__(
        self,
        evaluator: Evaluator | None = None,
        *,
        scores: Sequence[str] = ("f1_50_pooled",),
        every_seconds: float = 30.0,
        bar: bool | None = None,
    ) -> None:
        self.evaluator = evaluator
        self.scores = tuple(scores)
        self.every_seconds = every_seconds
        self.bar = sys.stdout.isatty() if bar is None else bar
        self._began = self._last_line = time.monotonic()
        self._first_epoch = 0

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        averages_of(engine)
        call_at(Moment.SHOW, engine, Events.STARTED, self._started)
        call_at(Moment.SHOW, engine, Events.EPOCH_COMPLETED, self._epoch_completed)
        if self.bar:
            bar = ProgressBar(desc="training", file=sys.stdout)
            bar.attach(engine, output_transform=_bar_values)
            if self.evaluator is not None:
                # MONAI counts an evaluator's epochs by the trainer's, so that the bar may only count
                # iterations.
                ProgressBar(desc="validation", file=sys.stdout).attach(self.evaluator)
        else:
            call_at(Moment.SHOW, engine, Events.ITERATION_COMPLETED, self._iteration_completed)

    def _started(self, engine: Engine) -> None:
        self._began = self._last_line = time.monotonic()
        self._first_epoch = engine.state.epoch

    def _left(self, engine: Engine, epochs_done: float) -> str:
        per_epoch = (time.monotonic() - self._began) / max(epochs_done - self._first_epoch, 1e-9)
        return f"{duration(per_epoch * (engine.state.max_epochs - epochs_done))} left"

    def _iteration_completed(self, engine: Engine) -> None:
        state = engine.state
        if time.monotonic() - self._last_line < self.every_seconds or not state.epoch_length:
            return
        self._last_line = time.monotonic()
        within = (state.iteration - 1) % state.epoch_length + 1
        left = self._left(engine, state.epoch - 1 + within / state.epoch_length)
        loss = averages_of(engine).loss
        place = f"epoch {state.epoch}/{state.max_epochs}  {within}/{state.epoch_length}"
        print(f"{place}  loss {loss:.3f} | {left}", flush=True)

    def _epoch_completed(self, engine: Engine) -> None:
        state, averages = engine.state, averages_of(engine)
        parts = [f"epoch {state.epoch}/{state.max_epochs}  loss {averages.loss:.3f}"]
        if self.evaluator is not None:
            parts += _validation(self.evaluator, state.epoch, self.scores)
        time_left = f", {self._left(engine, float(state.epoch))}" if state.epoch < state.max_epochs else ""
        parts.append(f"{duration(averages.seconds)}{time_left}")
        print(" | ".join(parts), flush=True)
        self._last_line = time.monotonic()


def _bar_values(output: Any) -> dict[str, float]:
    loss = loss_of(output)
    return {"loss": math.nan if loss is None else float(loss)}


def _validation(evaluator: Evaluator, epoch: int, scores: Sequence[str]) -> list[str]:
    state = evaluator.state
    parts = []
    shown = dict.fromkeys([*([state.key_metric_name] if state.key_metric_name else []), *scores])
    values = [f"{_short(name)} {state.metrics[name]:.3f}" for name in shown if name in state.metrics]
    # Between two validations the state still holds the scores of the earlier one.
    if values and state.epoch == epoch:
        loss = f" loss {state.metrics['val_loss']:.3f}" if "val_loss" in state.metrics else ""
        parts.append(f"val{loss} {' '.join(values)}")
    if state.best_metric_epoch > 0:
        parts.append(f"best {state.best_metric:.3f} @{state.best_metric_epoch}")
    return parts
