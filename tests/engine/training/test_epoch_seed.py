"""Every epoch begins with a seed of its own, and no result hangs on the number of workers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Events

from common.engine.training import EpochSeed


class Told:
    """A sampler that notes what it is told."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


@pytest.mark.parametrize("between", [0, 7])
def test_an_epoch_draws_the_same_whatever_was_before(workshop, at, between):
    drawn, sampler = [], Told()

    def draw(engine):
        drawn.append((random.random(), np.random.random(), float(torch.rand(()))))
        torch.rand(between)  # as a network with dropout would

    workshop.trainer(2, [at(Events.EPOCH_STARTED, draw), EpochSeed(3, sampler)]).run()
    assert sampler.epochs == [0, 1]
    # A later start, as of a resumed training, draws in the second epoch what this one drew.
    first, second = drawn
    assert first != second
    engine = workshop.trainer(2)
    engine.state.epoch = 2
    EpochSeed(3, sampler).epoch_started(engine)
    draw(engine)
    assert drawn[-1] == second


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # of more than there are cores
def test_workers_change_nothing_in_a_training(train: Callable[..., Any], tmp_path: Path) -> None:
    weights = []
    for workers in (0, 1, 3):
        folder = tmp_path / str(workers)
        train(folder, num_workers=workers, epochs=2, cache_images=2)
        weights.append(torch.load(folder / "last.pt", weights_only=True)["network"])
    for other in weights[1:]:
        assert all(torch.equal(value, other[name]) for name, value in weights[0].items())
