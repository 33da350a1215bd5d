"""Tests of the value that stops a training early."""

from __future__ import annotations

import pytest
from monai.handlers import EarlyStopHandler

from common.engine.checkpoints import key_score
from common.engine.evaluation import ValidationLoss


@pytest.mark.parametrize("select_by", ["f1_50_pooled", "val_loss"])
def test_it_is_what_the_best_checkpoint_is_chosen_by(workshop, select_by):
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss)], select_by=select_by)
    evaluator.run()
    assert key_score(evaluator) == evaluator.state.best_metric
    expected = evaluator.state.metrics[select_by]
    assert key_score(evaluator) == (-expected if select_by == "val_loss" else expected)


def test_monai_stops_by_it_when_nothing_improves(workshop):
    stop = EarlyStopHandler(patience=2, score_function=key_score)
    evaluator = workshop.evaluator([stop])
    workshop.optimizer.param_groups[0]["lr"] = 0.0
    trainer = workshop.trainer(9, evaluator=evaluator)
    stop.set_trainer(trainer)
    trainer.run()
    assert trainer.state.epoch == 3  # the first is the best, two more without improvement
