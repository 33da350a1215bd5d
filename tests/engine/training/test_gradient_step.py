"""Tests of accumulated and clipped gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events
from monai.data import list_data_collate
from monai.engines import SupervisedTrainer
from torch.optim.lr_scheduler import LambdaLR

from common.engine.training import GradientStep, LearningRate, averages_of


def _trainer(network, optimizer, items, batch, accumulated, handlers=()):
    groups = [items[n : n + batch] for n in range(0, len(items), batch)]
    return SupervisedTrainer(
        device="cpu",
        max_epochs=2,
        epoch_length=len(groups),
        train_data_loader=[list_data_collate(group) for group in groups],
        network=network,
        optimizer=optimizer,
        loss_function=torch.nn.MSELoss(),
        accumulation_steps=accumulated,
        train_handlers=[GradientStep(optimizer), *handlers],
    )


@pytest.mark.parametrize(("images", "accumulated"), [(6, 3), (6, 2), (5, 3), (4, 3), (7, 4)])
def test_accumulation_is_one_large_batch(images, accumulated):
    """Also in the last group of an epoch, which may be smaller."""
    generator = torch.Generator().manual_seed(0)
    items = [
        {key: torch.randn(1, 8, 8, generator=generator) for key in ("image", "label")} for _ in range(images)
    ]
    small = torch.nn.Conv2d(1, 1, 3, padding=1)
    large = copy.deepcopy(small)
    losses = []
    for network, batch, steps in ((small, 1, accumulated), (large, accumulated, 1)):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        trainer = _trainer(network, optimizer, items, batch, steps)
        averages = averages_of(trainer)
        trainer.run()
        losses.append(averages.loss)
    for one, other in zip(small.parameters(), large.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    if images % accumulated == 0:
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_schedule_moves_once_a_step(workshop):
    schedule = LambdaLR(workshop.optimizer, lambda step: 1.0)
    trainer = workshop.trainer(2, [LearningRate(schedule)], accumulation_steps=2)
    trainer.run()
    assert schedule.last_epoch == 4  # three images an epoch: a step of two, a step of one


def test_the_accumulated_gradient_is_clipped_once(workshop, at):
    norms, seen = [], []
    workshop.optimizer.register_step_pre_hook(
        lambda *_: norms.append(
            torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in workshop.network.parameters()]))
        )
    )
    clip = GradientStep(workshop.optimizer, clip_norm=0.01)
    note = at(Events.ITERATION_COMPLETED, lambda e: seen.append(len(norms)))
    workshop.trainer(1, [clip, note], accumulation_steps=3).run()
    assert seen == [0, 0, 1] and norms[0] == pytest.approx(0.01, rel=1e-3)


def test_what_mixed_precision_scaled_up_is_clipped_at_its_own_size(workshop):
    network = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    norms = []
    optimizer.register_step_pre_hook(
        lambda *_: norms.append(
            float(torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in network.parameters()])))
        )
    )
    engine = workshop.trainer(1)
    engine.scaler, engine.state.iteration = scaler, 1
    for clip_norm in (0.5, 1e6):
        optimizer.zero_grad()
        loss = network(torch.ones(2, 4)).sum()
        true_norm = 2 * 5**0.5  # two rows of ones: 2 for each of four weights and the bias
        scaler.scale(loss).backward()
        GradientStep(optimizer, clip_norm=clip_norm).backward_completed(engine)
        scaler.step(optimizer)
        scaler.update()
        assert norms[-1] == pytest.approx(min(clip_norm, true_norm), rel=1e-4)


def test_a_small_gradient_is_left_alone():
    network = torch.nn.Linear(2, 1)
    other = copy.deepcopy(network)
    for each, norm in ((network, 0.0), (other, 1e6)):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        items = [{"image": torch.ones(2), "label": torch.zeros(1)}]
        trainer = _trainer(each, optimizer, items, 1, 1, [GradientStep(optimizer, clip_norm=norm)])
        trainer.run()
    assert torch.equal(network.weight, other.weight)


def test_a_negative_norm_is_refused(workshop):
    with pytest.raises(ValueError, match="--clip_norm"):
        GradientStep(workshop.optimizer, clip_norm=-1)
