"""Images unlike those of the training are warned of, once each, and together where they are most."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events

from common.engine.segmentation import UnlikeTraining
from common.engine.trained import LoadWeights
from common.likeness import describe_image, training_ranges


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "common.engine.segmentation")
    caplog.set_level(logging.WARNING, "common.engine.trained")  # which weights are taken is no warning
    return caplog


@pytest.fixture
def ranges(workshop: Any) -> dict[str, Any]:
    """Of the evaluator's own images, and what it finds in them."""
    found = []

    def keep(engine: Any) -> None:
        (item,) = engine.state.output
        found.append(describe_image(item["image"].numpy(), item["pred_map"][0].numpy()))

    spread_network(workshop)
    evaluator = workshop.evaluator()
    evaluator.add_event_handler(Events.ITERATION_COMPLETED, keep)
    evaluator.run()
    return training_ranges(found)


def spread_network(workshop: Any) -> None:
    torch.nn.init.constant_(workshop.network.weight, 10.0)
    torch.nn.init.constant_(workshop.network.bias, -5.0)


def invert(engine: Any) -> None:
    for item in engine.state.batch if isinstance(engine.state.batch, list) else [engine.state.batch]:
        item["image"] = 1 - item["image"]


def test_images_like_the_trainings_are_not_spoken_of(workshop, ranges, warned):
    workshop.evaluator([UnlikeTraining(ranges)]).run()
    assert warned.messages == []


def test_each_unlike_image_is_named_with_its_numbers_and_all_are_counted(workshop, at, ranges, warned):
    evaluator = workshop.evaluator([at(Events.ITERATION_STARTED, invert), UnlikeTraining(ranges)])
    evaluator.run()
    *each, summary = warned.messages
    assert len(each) == 3
    for number, line in enumerate(each):
        assert line.startswith(f"images/cells_{number}.png is unlike the training's images: ")
        assert "in training images" in line and "\n" not in line
    assert summary.startswith("3 of 3 images are unlike the training's") and "--channels" in summary


def test_one_among_many_is_no_summary(workshop, at, ranges, warned):
    evaluator = workshop.evaluator([at(Events.ITERATION_STARTED(once=2), invert), UnlikeTraining(ranges)])
    evaluator.run()
    (line,) = warned.messages
    assert "cells_1.png" in line


def test_the_ranges_are_those_beside_the_weights(workshop, at, ranges, warned, tmp_path):
    torch.save(workshop.network.state_dict(), tmp_path / "model.pt")
    handlers = [
        UnlikeTraining(),
        LoadWeights(workshop.network, ckpt_dir=tmp_path),
        at(Events.ITERATION_STARTED, invert),
    ]
    workshop.evaluator(handlers).run()
    assert warned.messages == []  # nothing is known of the training
    (tmp_path / "train.json").write_text(json.dumps({"epochs": 1}))
    workshop.evaluator(handlers).run()
    assert warned.messages == []  # nor by a training of older code
    (tmp_path / "train.json").write_text(json.dumps({"training_images": ranges}))
    workshop.evaluator(handlers).run()
    assert len(warned.messages) == 4


def test_a_resized_image_is_compared_on_the_networks_grid(ranges, warned):
    handler = UnlikeTraining({"images": [50, 50], "nucleus_diameter_px": [7.0, 8.0]})
    handler._epoch_started(Engine(lambda engine, batch: None))
    label_map = torch.zeros(1, 40, 40, dtype=torch.int32)
    label_map[0, 5:18, 5:18] = 1
    item = {"image": torch.rand(1, 40, 40), "pred_map": label_map}
    handler._compare({**item, "scale": 0.5})
    assert warned.messages == []
    handler._compare(item)
    assert "14.7 px wide" in warned.messages[0]
    handler._compare({**item, "image": torch.rand(1, 20, 20)})  # a label map of another grid says nothing
    assert len(warned.messages) == 1


def test_a_training_saves_what_its_images_are_like(train, tmp_path: Path):
    train(tmp_path, epochs=1)
    saved = json.loads((tmp_path / "train.json").read_text())
    assert saved["training_images"]["images"] == [3, 3] and saved["model_diameter_px"] > 0
    low, high = saved["training_images"]["nucleus_diameter_px"]
    assert low <= saved["model_diameter_px"] <= high
