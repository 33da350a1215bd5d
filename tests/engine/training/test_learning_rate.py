"""Tests of the learning rate's schedules."""

from __future__ import annotations

import math

import pytest
from ignite.engine import Events
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from common.engine.evaluation import ValidationLoss
from common.engine.training import LearningRate, averages_of

STEPS = 3  # images of the workshop, one a step


def _rate(workshop) -> float:
    return workshop.optimizer.param_groups[0]["lr"]


def test_a_schedule_moves_after_every_step_to_its_end(workshop, at):
    def cosine(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * step / (2 * STEPS)))

    schedule = LambdaLR(workshop.optimizer, cosine)
    used, kept = [], []
    note = at(Events.ITERATION_STARTED, lambda e: used.append(_rate(workshop)))
    keep = at(Events.EPOCH_COMPLETED, lambda e: kept.append(averages_of(e).learning_rates[0]))
    trainer = workshop.trainer(2, [note, keep])
    LearningRate(schedule).attach(trainer)
    averages_of(trainer)
    trainer.run()
    assert used == pytest.approx([0.5 * cosine(step) for step in range(2 * STEPS)])
    assert _rate(workshop) == pytest.approx(0.0)
    assert kept == [used[STEPS - 1], used[-1]]  # noted is the rate that was trained with


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_halves_after_validations_without_improvement(workshop, mode):
    # Any value is within this threshold of the best one, so that no validation is an improvement.
    schedule = ReduceLROnPlateau(
        workshop.optimizer, mode=mode, factor=0.5, patience=0, threshold=1e9, threshold_mode="abs"
    )
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss)])
    trainer = workshop.trainer(6, evaluator=evaluator, interval=2)
    LearningRate(schedule, evaluator).attach(trainer)
    trainer.run()
    # Validations after epochs 2, 4 and 6; the first only sets the mark.
    assert _rate(workshop) == pytest.approx(0.5 / 4)


@pytest.mark.parametrize(("mode", "judge"), [("min", "val_loss"), ("max", "f1_mu_pooled")])
def test_a_plateau_is_judged_by_the_loss_or_by_the_key_metric(workshop, monkeypatch, mode, judge):
    schedule = ReduceLROnPlateau(workshop.optimizer, mode=mode)
    judged: list[float] = []
    monkeypatch.setattr(schedule, "step", judged.append)
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss)], select_by="f1_mu_pooled")
    expected: list[float] = []
    evaluator.add_event_handler(Events.COMPLETED, lambda e: expected.append(e.state.metrics[judge]))
    trainer = workshop.trainer(2, evaluator=evaluator)
    LearningRate(schedule, evaluator).attach(trainer)
    trainer.run()
    assert judged == expected and len(judged) == 2


def test_a_plateau_without_a_validation_is_refused(workshop):
    with pytest.raises(ValueError, match="evaluator"):
        LearningRate(ReduceLROnPlateau(workshop.optimizer))
