"""Tests of the moving average of the weights."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Events

from common.engine.checkpoints import BestCheckpoint, LastCheckpoint, Resume
from common.engine.training import WeightAverage, run_training


def _states(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


def test_the_average_is_the_recursion_and_the_evaluator_sees_it(workshop, tmp_path, at):
    evaluator = workshop.evaluator([BestCheckpoint(tmp_path, workshop.network)])
    average = WeightAverage(workshop.network, workshop.optimizer, decay=0.5, evaluator=evaluator)
    last = LastCheckpoint(tmp_path, workshop.network, workshop.optimizer, average=average)
    steps, seen, after = [], [], []
    note = at(Events.ITERATION_COMPLETED, lambda e: steps.append(_states(workshop.network)))
    evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda e: seen.append(_states(workshop.network)))
    trainer = workshop.trainer(2, [average, last, note], evaluator)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda e: after.append(_states(workshop.network)))
    trainer.run()

    expected = steps[0]
    for number, step in enumerate(steps[1:], start=1):
        decay = min(0.5, (1 + number) / (10 + number))
        expected = {key: decay * expected[key] + (1 - decay) * step[key] for key in step}
        if number == 2:
            first = expected
    for name in expected:
        torch.testing.assert_close(seen[0][name], first[name])
        torch.testing.assert_close(seen[1][name], expected[name])
        assert torch.equal(after[1][name], steps[-1][name])  # training goes on with its own weights
        assert not torch.equal(expected[name], steps[-1][name])
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    best = torch.load(tmp_path / "model.pt", weights_only=True)
    chosen = seen[evaluator.state.best_metric_epoch - 1]
    for name in expected:
        assert torch.equal(saved["network"][name], seen[1][name])
        assert torch.equal(saved["training_network"][name], steps[-1][name])
        assert torch.equal(best[name], chosen[name])


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_a_validation_that_fails_leaves_the_training_its_own_weights(workshop, tmp_path, at, error):
    def fail(engine):
        raise error

    steps = []
    evaluator = workshop.evaluator()
    # Others ask to be told of a failure before, and only the first is.
    evaluator.add_event_handler(Events.EXCEPTION_RAISED, _raise_again)
    evaluator.add_event_handler(Events.ITERATION_COMPLETED, fail)
    note = at(Events.ITERATION_COMPLETED, lambda e: steps.append(_states(workshop.network)))
    average = WeightAverage(workshop.network, workshop.optimizer, decay=0.5, evaluator=evaluator)
    trainer = workshop.trainer(2, [note], evaluator)
    with pytest.raises(type(error)):
        run_training(trainer, Resume(tmp_path), average=average)
    own, averaged = _states(workshop.network), average.network_state()
    for name, value in steps[-1].items():
        assert torch.equal(own[name], value), "the network was left with the average"
        assert not torch.equal(averaged[name], value)


def _raise_again(engine, error):
    raise error


def test_constant_weights_are_their_own_average_with_their_batch_norm(workshop):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    average = WeightAverage(network, optimizer, decay=0.9)
    average.attach(workshop.trainer(1))
    network[1].running_mean.fill_(3.0)
    for _ in range(5):
        optimizer.step()
    for name, value in average.network_state().items():
        assert torch.equal(value, network.state_dict()[name]), name


def _averaged(workshop, values, begun=None):
    network = torch.nn.Conv2d(1, 1, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    average = WeightAverage(network, optimizer, decay=0.9)
    average.attach(workshop.trainer(1))
    if begun is not None:
        average.load(begun.network_state(), begun.steps)
    for value in values:
        torch.nn.init.constant_(network.weight, value)
        torch.nn.init.constant_(network.bias, -value)
        optimizer.step()
    return average


def test_an_average_that_is_put_back_goes_on_as_if_it_had_not_been_cut(workshop):
    whole, cut = _averaged(workshop, range(6)), _averaged(workshop, range(3))
    resumed = _averaged(workshop, range(3, 6), cut)
    assert resumed.steps == whole.steps == 6
    for name, value in whole.network_state().items():
        assert torch.equal(resumed.network_state()[name], value), name
        assert not torch.equal(cut.network_state()[name], value), name


def test_no_decay_changes_nothing(workshop, tmp_path):
    twin = copy.deepcopy(workshop)
    workshop.trainer(2, [WeightAverage(workshop.network, workshop.optimizer, decay=0)]).run()
    twin.trainer(2).run()
    for one, other in zip(workshop.network.parameters(), twin.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2])
def test_an_impossible_decay_is_refused(workshop, decay):
    with pytest.raises(ValueError, match="--ema_decay"):
        WeightAverage(workshop.network, workshop.optimizer, decay=decay)
