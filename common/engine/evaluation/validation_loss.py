"""The loss over the validation images, to be seen beside that of training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

__all__ = ["ValidationLoss"]


class ValidationLoss:
    """Computes the loss of every validation image and leaves the mean as ``state.metrics["val_loss"]``.

    It reads the network's maps before they are decollated and decoded, so that it belongs among an
    evaluator's handlers.

    Args:
        loss: loss of maps and targets.
        prediction_key: key of the maps in the evaluator's output.
        target_key: key of the targets.

    Shapes:
        maps: (B, K, H, W). targets: (B, T, H, W).
    """

    def __init__(
        self,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        *,
        prediction_key: str = "pred",
        target_key: str = "label",
    ) -> None:
        self.loss = loss
        self.prediction_key = prediction_key
        self.target_key = target_key
        self._values: list[torch.Tensor] = []

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._forward_completed)

    def _epoch_started(self, engine: Engine) -> None:
        self._values = []

    def _forward_completed(self, engine: Engine) -> None:
        output = engine.state.output
        maps, targets = output[self.prediction_key], output.get(self.target_key)
        if targets is None:
            return
        with torch.no_grad():
            value = self.loss(maps.float(), targets.to(maps.device))
        self._values.append(value.detach().float().mean())
        # Up to date after every image, because the key metric of the epoch may be this loss and is computed
        # before any handler of the epoch's end.
        engine.state.metrics["val_loss"] = float(torch.stack(self._values).mean())
