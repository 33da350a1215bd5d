"""Tests of the averages of an epoch."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Events

from common.engine.training import averages_of
from common.engine.training.epoch_averages import loss_of


def test_the_mean_loss_is_the_sum_of_the_mean_terms(workshop, at):
    seen = []
    note = at(Events.EPOCH_COMPLETED, lambda e: seen.append((averages_of(e).loss, averages_of(e).terms)))
    trainer = workshop.trainer(2, [note])
    averages_of(trainer)
    trainer.run()
    assert len(seen) == 2
    for loss, terms in seen:
        assert set(terms) == {"entropy", "size"}
        assert loss == pytest.approx(sum(terms.values()), rel=1e-5)
    assert seen[1][0] < seen[0][0]  # a new epoch begins a new average, and the network learns


def test_the_learning_rate_is_the_one_the_epoch_was_trained_with(workshop, at):
    seen = []

    def step(engine):
        engine.optimizer.param_groups[0]["lr"] /= 10

    def note(engine):
        seen.append(averages_of(engine).learning_rates)

    trainer = workshop.trainer(2, [at(Events.EPOCH_COMPLETED, step), at(Events.EPOCH_COMPLETED, note)])
    averages_of(trainer)
    trainer.run()
    assert seen == [[0.5], [0.05]]


def test_all_who_ask_share_one(workshop):
    trainer = workshop.trainer()
    assert averages_of(trainer) is averages_of(trainer)
    assert math.isnan(averages_of(trainer).loss)


def test_whole_and_decollated_outputs_have_the_same_loss():
    loss = torch.tensor(2.0)
    assert loss_of({"loss": loss}) == loss_of([{"loss": loss}, {"loss": loss}]) == 2
    assert loss_of([]) is None and loss_of({"pred": 0}) is None
