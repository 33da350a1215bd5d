"""What was evaluated is told by tags: the same for every seed and fold, others for other settings."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import pytest
from ignite.engine import Events

from common.bundle_config import bundle_folder, bundle_parser
from common.engine.evaluation import Cost
from common.engine.tracking import MLflowRun, method_tags


class Found:
    """Says which weights are evaluated."""

    def attach(self, engine):
        engine.add_event_handler(Events.STARTED, self.started)

    def started(self, engine):
        engine.state.weights_file = "model.pt"


@pytest.fixture
def weights(tmp_path):
    """Write settings of a training of the bundle unet beside weights, and tell of them."""

    def write(evaluated=MappingProxyType({}), **settings):
        config = {**bundle_parser(bundle_folder("unet"), "train.json").get(), **settings}
        (tmp_path / "train.json").write_text(json.dumps(config, default=str), encoding="utf-8")
        return method_tags(tmp_path / "model.pt", bundle_folder("unet"), **evaluated)

    return write


def test_seed_fold_and_place_do_not_make_another_method(weights):
    plain = weights()
    assert plain["changes"] == "" and plain["seed"] == "0" and len(plain["method_key"]) == 12
    place = {"dataset_dir": "elsewhere", "ckpt_dir": "x", "device": "cuda", "mlflow": False, "num_workers": 2}
    measured = {"training_images": {"area_px": [1, 2]}, "model_diameter_px": 14.2}
    other = weights(seed=7, fold=2, **place, **measured)
    assert other == {**plain, "seed": "7"}


def test_settings_make_another_method_and_are_told(weights):
    plain = weights()
    other = weights(learning_rate=0.5, epochs=7)
    assert other["method_key"] != plain["method_key"] and (other["changes"], other["budget"]) == (
        "lr 0.5",
        "7 epochs of 50 steps of 16 crops",
    )


def test_a_training_on_other_data_than_the_evaluated_is_another_method(weights):
    on_a = {"dataset_dir": "data/A", "data": "A"}
    plain = weights(dataset_dir="data/A")
    assert weights(on_a, dataset_dir="data/A") == plain
    both, of_b = weights(on_a, dataset_dir=["x/B", "data/A"]), weights(on_a, dataset_dir="data/B")
    assert len({each["method_key"] for each in (plain, both, of_b)}) == 3
    assert both["changes"] == "trained on A and B"
    assert weights(on_a, dataset_dir="data/B", epochs=7, learning_rate=0.5)["changes"] == (
        "lr 0.5, trained on B"
    )
    # Neither the order nor the place of the folders matters, nor whether one stands in a list.
    assert weights(on_a, dataset_dir=["D:\\other\\A\\", "B"]) == both
    assert weights({"dataset_dir": ["A/"], "data": "A"}, dataset_dir="elsewhere/A") == plain
    assert weights({"dataset_dir": ["x/B", "x/A"], "data": "B+A"}, dataset_dir=["A", "B"]) == plain


def test_data_with_a_name_of_their_own_are_the_same_data(weights):
    plain = weights(dataset_dir="data/a")
    assert weights({"dataset_dir": "moved/a", "data": "My cells"}, dataset_dir="data/a") == plain
    assert weights({"dataset_dir": "moved/copy", "data": "a"}, dataset_dir="data/a") == plain
    other = weights({"dataset_dir": "moved/copy", "data": "My cells"}, dataset_dir="data/a")
    assert other["method_key"] != plain["method_key"]


def test_without_the_settings_nothing_is_told(tmp_path):
    assert method_tags(tmp_path / "model.pt") == {}


def test_an_evaluation_in_mlflow_has_them_and_what_it_costs(workshop, client):
    Path("model.pt").touch()
    Path("train.json").write_text(json.dumps({"seed": 3, "epochs": 2}))

    config = {"fold": 1, "folds": 5}
    handler = MLflowRun("toy", "cells", config=config, fingerprint="abc")
    workshop.evaluator([handler, Found(), Cost()]).run()
    (run,) = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    tags = run.data.tags
    assert (tags["seed"], tags["lists"], tags["split"], tags["weights"]) == (
        "3",
        "fold 1 of 5",
        "test",
        "model.pt",
    )
    assert len(tags["method_key"]) == 12
    metrics = run.data.metrics
    assert len([name for name in metrics if name.startswith("test/")]) == 10
    assert {name for name in metrics if not name.startswith("test/")} == {
        "parameters", "images_per_second", "threads",
    }  # fmt: skip


def test_an_evaluation_in_mlflow_tells_other_data_of_the_training(workshop, client):
    Path("model.pt").touch()
    Path("train.json").write_text(json.dumps({"seed": 3, "dataset_dir": ["data/cells", "data/tissue"]}))
    told = []
    for folders in (["here/tissue", "here/cells"], "here/cells"):
        handler = MLflowRun("toy", "cells", config={"dataset_dir": folders})
        workshop.evaluator([handler, Found()]).run()
        (run, *_) = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
        told.append(run.data.tags)
    assert [tags["changes"] for tags in told] == ["", "trained on cells and tissue"]
    assert told[0]["method_key"] == method_tags("model.pt")["method_key"] != told[1]["method_key"]


def test_who_starts_an_evaluation_may_name_its_budget(workshop, client, monkeypatch):
    monkeypatch.setenv("NUCLEI_RUN_TAGS", json.dumps({"budget": "short"}))
    Path("model.pt").touch()
    settings = {"seed": 3, "epochs": 2, "steps_per_epoch": 5, "batch_size": 4}
    Path("train.json").write_text(json.dumps(settings))
    workshop.evaluator([MLflowRun("toy", "cells", config={}), Found()]).run()
    (run,) = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    assert run.data.tags["budget"] == "short" and method_tags("model.pt")["budget"].startswith(
        "2 epochs of 5 steps"
    )
