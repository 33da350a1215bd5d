"""Every epoch begins with a seed of its own, so that a resumed training draws the same numbers."""

from __future__ import annotations

import random

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from torch.utils.data import DataLoader

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


class EpochSeed:
    """Seeds torch, numpy, Python and the random transforms when an epoch starts. For a trainer.

    Without it the random state is what all earlier epochs left, which no checkpoint can hold: MONAI's
    transforms carry generators of their own, in this process and in each worker. Workers are seeded by torch
    when they start, which is once an epoch unless they are persistent.

    Args:
        seed: seed of the training.
        loader: the loader of the training images.

    Raises:
        ValueError: if the loader keeps its workers from epoch to epoch.
    """

    def __init__(self, seed: int, loader: DataLoader) -> None:
        if getattr(loader, "persistent_workers", False):
            raise ValueError("persistent_workers keeps random states that no checkpoint holds: remove it")
        self.seed = seed
        self.loader = loader

    def attach(self, engine: Engine) -> None:
        """Follow a trainer.

        Args:
            engine: a MONAI trainer.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self.epoch_started)

    def epoch_started(self, engine: Engine) -> None:
        """Seed everything."""
        seed = epoch_seed(self.seed, engine.state.epoch)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        set_rnd(self.loader.dataset, seed)
        sampler = self.loader.sampler
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(engine.state.epoch - 1)
