"""Every epoch begins with a seed of its own, so that a resumed training draws the same numbers."""

from __future__ import annotations

import random
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from ignite.engine import Engine, Events

from ..order import Moment, call_at

__all__ = ["EpochSeed", "epoch_seed"]


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of an epoch, below 2^32; neighbouring seeds and epochs have nothing in common.

    Args:
        seed: seed of the training.
        epoch: number of the epoch.

    Example:
        >>> epoch_seed(0, 1) == epoch_seed(0, 1), epoch_seed(0, 2) == epoch_seed(1, 1)
        (True, False)
    """
    return int(np.random.SeedSequence((int(seed), int(epoch))).generate_state(1)[0])


@runtime_checkable
class Draws(Protocol):
    """What draws the images of an epoch; `common.datalists.CropSampler` is one."""

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass that of an epoch, 0 for the first."""


class EpochSeed:
    """Seeds torch, numpy and Python when an epoch starts, and tells the sampler its number. For a trainer.

    Without it the random state, of dropout for example, is what all earlier epochs left, which no checkpoint
    holds. The images' random transforms have seeds of their own, which come from the sampler.

    Args:
        seed: seed of the training.
        sampler: what draws the training images.
    """

    def __init__(self, seed: int, sampler: Draws) -> None:
        self.seed = seed
        self.sampler = sampler

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        call_at(Moment.SEED, engine, Events.EPOCH_STARTED, self.epoch_started)

    def epoch_started(self, engine: Engine) -> None:
        """Seed everything."""
        seed = epoch_seed(self.seed, engine.state.epoch)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        self.sampler.set_epoch(engine.state.epoch - 1)
