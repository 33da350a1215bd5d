"""What an evaluated method costs: counted, timed without the scores, read beside the weights."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ignite.engine import Events

from common.engine.evaluation import Cost, EvaluationReport


class Slow:
    """Something else that an evaluation does after every image."""

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: time.sleep(0.2))


class Found:
    """Says which weights are evaluated."""

    def attach(self, engine):
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine):
        engine.state.weights_file = "ckpt/model.pt"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("order", [1, -1])
def test_the_cost_is_measured_and_in_the_report(workshop, here, order):
    Path("ckpt").mkdir()
    Path("ckpt/training_cost.json").write_text(json.dumps({"seconds": 60, "processor_seconds": 90.5}))
    handlers = [Slow(), Found(), Cost(), EvaluationReport("out")][::order]
    evaluator = workshop.evaluator(handlers)
    evaluator.run()
    cost = evaluator.state.cost
    assert cost["parameters"] == sum(each.numel() for each in workshop.network.parameters())
    assert (cost["training_seconds"], cost["training_processor_seconds"]) == (60, 90.5)
    # What others do takes 0.2 s an image: with it there were fewer than five a second.
    assert cost["images_per_second"] > 5 and cost["threads"] >= 1
    assert json.loads(Path("out/metrics.json").read_text())["cost"] == cost


def test_what_is_not_known_is_left_out(workshop, here):
    evaluator = workshop.evaluator([Cost()])
    evaluator.run()
    assert not [name for name in evaluator.state.cost if name.startswith("training")]
