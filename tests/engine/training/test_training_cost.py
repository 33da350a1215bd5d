"""What a training costs is noted with every epoch, added up over its starts, and moved aside with it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ignite.engine import Events

from common.engine.checkpoints import CheckpointFolder, LastCheckpoint, Resume
from common.engine.trained import cost_of_training
from common.engine.training import TrainingCost


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Work:
    """A step that takes time; some of it works, some of it waits."""

    def attach(self, engine):
        engine.add_event_handler(Events.EPOCH_STARTED, self.work)

    def work(self, engine):
        time.sleep(0.1)
        begun = time.process_time()
        while time.process_time() - begun < 0.1:
            sum(range(1000))


def train(workshop, epochs, enabled=False):
    resume = Resume("ckpt", enabled=enabled, config={})
    handlers = [
        TrainingCost("ckpt", resume=resume),
        CheckpointFolder("ckpt", resume=resume, config={}),
        LastCheckpoint("ckpt", workshop.network, resume=resume),
        Work(),
    ]
    workshop.trainer(epochs, handlers).run()
    return json.loads(Path("ckpt/training_cost.json").read_text())


def test_both_clocks_count_and_a_continued_training_adds(workshop, here):
    first = train(workshop, 2)
    assert (
        first["epochs"] == 2
        and first["seconds"] >= 0.4
        and 0.2 <= first["processor_seconds"] < first["seconds"]
    )
    second = train(workshop, 4, enabled=True)
    assert second["epochs"] == 4
    # Both figures are rounded to hundredths, each in its own direction.
    assert second["seconds"] >= first["seconds"] + 0.39
    assert second["processor_seconds"] >= first["processor_seconds"] + 0.19
    assert cost_of_training("ckpt/model.pt") == {
        name: second[name] for name in ("seconds", "processor_seconds")
    }


def test_a_new_training_begins_at_zero_and_the_earlier_ones_cost_stays_with_it(workshop, here):
    first = train(workshop, 4)
    second = train(workshop, 1)
    assert second["seconds"] < first["seconds"]
    (aside,) = Path("ckpt").glob("*/training_cost.json")
    assert json.loads(aside.read_text()) == first
    assert cost_of_training("ckpt/model.pt")["seconds"] == second["seconds"], "what lies aside is not counted"


def test_of_a_training_whose_beginning_is_not_known_nothing_is_said(workshop, here):
    train(workshop, 1)
    Path("ckpt/training_cost.json").unlink()
    resume = Resume("ckpt", enabled=True, config={})
    handlers = [TrainingCost("ckpt", resume=resume), LastCheckpoint("ckpt", workshop.network, resume=resume)]
    workshop.trainer(2, handlers).run()
    assert cost_of_training("ckpt/model.pt") == {}


def test_first_stages_count(here):
    # The last is another training, say of an earlier output folder: not a part of this one.
    for folder in (".", "stage1/all", "stage1/fold_0", "release/candidate"):
        Path("ckpt", folder).mkdir(parents=True, exist_ok=True)
        told = {"seconds": 10, "processor_seconds": 20}
        Path("ckpt", folder, "training_cost.json").write_text(json.dumps(told))
    assert cost_of_training("ckpt/model.pt") == {"seconds": 30, "processor_seconds": 60}
    Path("ckpt/training_cost.json").write_text("cut")
    assert cost_of_training("ckpt/model.pt") == {}
