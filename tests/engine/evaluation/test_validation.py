"""Tests of when a training is validated."""

from __future__ import annotations

import pytest
from ignite.engine import Events

from common.engine.evaluation import Validation


@pytest.mark.parametrize(
    ("epochs", "interval", "expected"),
    [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (2, 3, [2]), (3, 1, [1, 2, 3])],
)
def test_the_last_epoch_is_always_validated(workshop, epochs, interval, expected):
    evaluator = workshop.evaluator()
    validated = []
    evaluator.add_event_handler(Events.COMPLETED, lambda e: validated.append(e.state.epoch))
    workshop.trainer(epochs, [Validation(evaluator, interval=interval)]).run()
    assert validated == expected


@pytest.mark.parametrize("interval", [0, -1, True])
def test_an_interval_that_is_none_is_refused(workshop, interval):
    with pytest.raises(ValueError, match=f"--val_interval .* not {interval}"):
        Validation(workshop.evaluator(), interval=interval)
