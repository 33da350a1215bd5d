"""Keeps an encoder that was trained before as it is, while the rest of the network learns to use it."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events
from torch.nn.modules.batchnorm import _BatchNorm

from ...networks import encoder_names, in_encoder

__all__ = ["FreezeEncoder"]


class FreezeEncoder:
    """Leaves the encoder's weights and batch norm statistics alone in the first epochs. For a trainer.

    Args:
        network: the network, whose class says what its encoder is (see `encoder_names`).
        epochs: how many epochs; 0 freezes nothing.

    Raises:
        ValueError: if the network does not say what its encoder is.
    """

    def __init__(self, network: torch.nn.Module, *, epochs: int = 0) -> None:
        self.network = network
        self.epochs = epochs
        self.encoder = encoder_names(network) if epochs else ()
        self._hook: Any = None

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        if self.epochs:
            engine.add_event_handler(Events.EPOCH_STARTED, self.epoch_started)

    def epoch_started(self, engine: Engine) -> None:
        """Freeze, or let go after the last frozen epoch."""
        frozen = engine.state.epoch <= self.epochs
        for name, parameter in self.network.named_parameters():
            if in_encoder(name, self.encoder):
                parameter.requires_grad_(not frozen)
        if frozen and self._hook is None:
            # The trainer sets the whole network to training right before its forward pass.
            self._hook = self.network.register_forward_pre_hook(self._still_batch_norm)
        elif not frozen and self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _still_batch_norm(self, network: torch.nn.Module, inputs: Any) -> None:
        for name, module in network.named_modules():
            if isinstance(module, _BatchNorm) and in_encoder(name, self.encoder):
                module.eval()
