"""Tests of the loss over the validation images."""

from __future__ import annotations

import pytest
import torch

from common.engine.evaluation import ValidationLoss


def test_it_is_the_mean_loss_of_the_images(workshop):
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss)])
    evaluator.run()
    with torch.no_grad():
        losses = [workshop.loss(workshop.network(b["image"]), b["label"]) for b in workshop.loader()]
    assert evaluator.state.metrics["val_loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-6)


def test_images_without_targets_have_no_loss(workshop):
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss, target_key="nothing")])
    evaluator.run()
    assert "val_loss" not in evaluator.state.metrics
