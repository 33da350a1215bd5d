"""The exponential moving average of the weights, which validates and is kept in place of the last weights."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Averages weights after every step of the optimizer; an evaluator sees the average. For a trainer.

    While the evaluator works, the network holds the average, so that scores, pictures and the best checkpoint
    are all of it; training goes on with its own weights. Batch norm's statistics are averaged as well.
    An engine tells of its failure only to the first who asks, and of Ctrl-C to nobody: whoever runs the
    trainer puts the weights back at its end, as `run_training` does.

    Args:
        network: the network.
        optimizer: the optimizer; a step that mixed precision skips is not averaged.
        decay: how much of the average stays at a step, such as 0.999; 0 averages nothing. The first steps
            count more, so that the untrained weights are soon forgotten.
        evaluator: the evaluator of the validation.

    Raises:
        ValueError: if the decay is not in [0, 1).
    """

    def __init__(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        decay: float = 0.0,
        evaluator: Evaluator | None = None,
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"--ema_decay must be at least 0 and below 1, such as 0.999, not {decay}")
        self.network = network
        self.optimizer = optimizer
        self.decay = decay
        self.evaluator = evaluator
        self.steps = 0
        self._average: AveragedModel | None = None
        self._lent = False

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        if not self.decay:
            return
        self._average = AveragedModel(self.network, multi_avg_fn=self._mix, use_buffers=True)
        self.optimizer.register_step_post_hook(lambda *_: self._update())
        if self.evaluator is not None:
            self.evaluator.add_event_handler(Events.STARTED, self._lend)
            self.evaluator.add_event_handler(Events.COMPLETED, self.put_back)

    def _update(self) -> None:
        assert self._average is not None
        self._average.update_parameters(self.network)
        self.steps += 1

    def _mix(self, average: Any, current: Any, number: Any) -> None:
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        get_ema_multi_avg_fn(decay)(average, current, number)

    def _pairs(self) -> Any:
        assert self._average is not None
        own = chain(self.network.parameters(), self.network.buffers())
        return zip(own, chain(self._average.module.parameters(), self._average.module.buffers()), strict=True)

    def _lend(self) -> None:
        """Let the network hold the average, and this object the network's own weights."""
        if self.steps and not self._lent:
            self._swap()
            self._lent = True

    def put_back(self) -> None:
        """Give the network its own weights, if a validation that did not come to its end left the average."""
        if self._lent:
            self._swap()
            self._lent = False

    @torch.no_grad()
    def _swap(self) -> None:
        for own, averaged in self._pairs():
            held = own.clone()
            own.copy_(averaged)
            averaged.copy_(held)

    def network_state(self) -> dict[str, torch.Tensor]:
        """Return the averaged weights as the network's own state dict."""
        assert self._average is not None
        return (self._average.module if self.steps else self.network).state_dict()

    def load(self, network_state: Mapping[str, torch.Tensor], steps: int) -> None:
        """Go on averaging.

        Args:
            network_state: averaged weights.
            steps: how many steps are in them.
        """
        assert self._average is not None
        self._average.module.load_state_dict(dict(network_state))
        self._average.n_averaged.fill_(steps)
        self.steps = steps
