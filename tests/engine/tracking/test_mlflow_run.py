"""Tests of what a run leaves in MLflow, in a data base of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ignite.engine import Events
from PIL import Image

from common.engine.checkpoints import BestCheckpoint
from common.engine.evaluation import ValidationLoss
from common.engine.tracking import MLflowRun, Pictures
from common.metrics import HEADLINE

CONFIG = {"epochs": 2, "learning_rate": 0.5, "long": "x" * 9000, "network_def": {"_target_": "Net"}}


def _run(workshop, at=None, *, event=None, call=None, epochs=2, **options):
    best = BestCheckpoint("ckpt", workshop.network)
    evaluator = workshop.evaluator([best])
    options = {"ckpt_dir": "ckpt", "fingerprint": "abc", "config": CONFIG, **options}
    handler = MLflowRun("toy", "cells", evaluator=evaluator, **options)
    extra = [] if event is None else [at(event, call)]
    workshop.trainer(epochs, [handler, *extra], evaluator).run()
    return evaluator


def _runs(client, experiment="cells"):
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else client.search_runs([found.experiment_id])


def _files(client, run, folder=None):
    return [item.path for item in client.list_artifacts(run.info.run_id, folder)]


def test_a_finished_training(workshop, client):
    evaluator = _run(
        workshop, note="a note", artifacts=["more.txt", "missing.txt"], tags={"variant": "no_log"}
    )
    (run,) = _runs(client)
    assert run.info.status == "FINISHED"
    assert run.info.run_name.startswith("toy ")
    tags = run.data.tags
    assert (tags["bundle"], tags["job"], tags["variant"]) == ("toy", "training", "no_log")
    assert (tags["data_fingerprint"], tags["mlflow.note.content"]) == ("abc", "a note")
    assert run.data.params["learning_rate"] == "0.5" and run.data.params["epochs"] == "2"
    assert 100 < len(run.data.params["long"]) <= 500 and "network_def" not in run.data.params
    scores = {name for name in run.data.metrics if name.endswith(("_mean", "_pooled"))}
    assert scores == {*HEADLINE, "best_pq_pooled"}  # not the hundred of an evaluation
    for name in (
        "train_loss",
        "train_loss_entropy",
        "learning_rate",
        "epoch_seconds",
        "pq_pooled",
        "aji_mean",
    ):
        history = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in history] == [1, 2], name
    assert run.data.metrics["pq_pooled"] == evaluator.state.metrics["pq_pooled"]
    best = (run.data.metrics["best_pq_pooled"], run.data.metrics["best_epoch"])
    assert best == (evaluator.state.best_metric, evaluator.state.best_metric_epoch)
    assert _files(client, run, "overlays/last") == [f"overlays/last/{n}_cells_{n - 1}.png" for n in (1, 2, 3)]
    assert len(_files(client, run, "overlays/best")) == 3
    assert _files(client, run, "model") == ["model/model.pt"]
    assert "more.txt" not in _files(client, run)
    path = client.download_artifacts(run.info.run_id, "train.json")
    assert json.loads(Path(path).read_text()) == CONFIG
    assert (Path("mlruns.db").is_file(), Path("mlruns").is_dir()) == (True, True)
    picture = Image.open(client.download_artifacts(run.info.run_id, "overlays/last/1_cells_0.png"))
    assert np.asarray(picture).shape == (24, 24, 3)


def test_the_best_is_noted_also_where_later_epochs_are_worse(workshop, client, at):
    def spoil(engine):
        workshop.network.bias.data.fill_(-100.0)

    evaluator = _run(workshop, at, event=Events.EPOCH_STARTED(once=4), call=spoil, epochs=4)
    (run,) = _runs(client)
    history = client.get_metric_history(run.info.run_id, "pq_pooled")
    best = max(history, key=lambda point: point.value)
    assert run.data.metrics["best_pq_pooled"] == best.value > history[-1].value
    assert run.data.metrics["best_epoch"] == best.step == evaluator.state.best_metric_epoch


def test_selected_by_the_loss_the_best_is_the_lowest_loss(workshop, client):
    loss = ValidationLoss(workshop.loss)
    evaluator = workshop.evaluator([loss], select_by="val_loss")
    workshop.trainer(2, [MLflowRun("toy", "cells", evaluator=evaluator, config={})], evaluator).run()
    (run,) = _runs(client)
    losses = [point.value for point in client.get_metric_history(run.info.run_id, "val_loss")]
    assert run.data.metrics["best_val_loss"] == min(losses) and len(losses) == 2
    assert "negative_val_loss" not in run.data.metrics


def test_every_run_is_a_new_one_also_after_a_crash(workshop, client, at):
    def fail(engine):
        raise ValueError("the label of a.png\nis empty")

    with pytest.raises(ValueError, match="is empty"):
        _run(workshop, at, event=Events.ITERATION_COMPLETED, call=fail)
    _run(workshop, epochs=1)
    finished, failed = _runs(client)
    assert (finished.info.status, failed.info.status) == ("FINISHED", "FAILED")
    assert finished.info.run_id != failed.info.run_id
    assert failed.data.tags["error"] == "the label of a.png is empty"
    assert "error" not in finished.data.tags


def test_an_error_of_the_validation_fails_the_run_too(workshop, client):
    evaluator = workshop.evaluator(truth_key="nothing")
    with pytest.raises(KeyError, match="nothing"):
        workshop.trainer(2, [MLflowRun("toy", "cells", evaluator=evaluator)], evaluator).run()
    assert [run.info.status for run in _runs(client)] == ["FAILED"]


def test_an_interruption_kills_the_run(workshop, client, at):
    def interrupt(engine):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(workshop, at, event=Events.EPOCH_STARTED(once=2), call=interrupt)
    (run,) = _runs(client)
    assert run.info.status == "KILLED"
    assert "train_loss" in run.data.metrics
    assert _files(client, run, "model") == ["model/model.pt"]  # what was trained is not lost


@pytest.mark.parametrize("split", ["test", "validation"])
def test_an_evaluation_is_a_run_of_its_own_with_ten_scores(workshop, client, split):
    handler = MLflowRun("toy", "cells", config=CONFIG, tags={"split": split}, split=split)
    evaluator = workshop.evaluator([handler])
    evaluator.run()
    (run,) = _runs(client)
    assert run.info.status == "FINISHED" and run.info.run_name.startswith(f"toy {split} ")
    assert (run.data.tags["job"], run.data.tags["split"]) == ("evaluating", split)
    scores = evaluator.state.instance_summary
    assert run.data.metrics == {name: scores[name.removeprefix(f"{split}/")] for name in run.data.metrics}
    shown = {name.removeprefix(f"{split}/") for name in run.data.metrics}
    assert (
        len(shown) == 10
        and set(HEADLINE) < shown
        and all(f"{split}/{name}" in run.data.metrics for name in shown)
    )


def test_scores_that_are_not_ours_are_noted_too(workshop, client, at):
    def add(engine):
        engine.state.metrics["hausdorff"] = 2.5

    handlers = [at(Events.EPOCH_COMPLETED, add), MLflowRun("toy", "cells", config=CONFIG)]
    workshop.evaluator(handlers).run()
    (run,) = _runs(client)
    assert run.data.metrics["test/hausdorff"] == 2.5 and len(run.data.metrics) == 11


def test_the_data_set_is_an_input_of_the_run(workshop, client, tmp_path):
    class Data:
        lists = {
            "a": {"training": [{"image": "1"}, {"image": "2"}], "test": [{"image": "3"}]},
            "b": {"training": [{"image": "4"}], "test": [{"image": "4"}]},
        }

    config = {**CONFIG, "dataset_dir": ["data/a", "data/b"]}
    _run(workshop, epochs=1, config=config, lists=Data())
    for fingerprint in ("abc", None):
        handler = MLflowRun("toy", "cells", config=config, fingerprint=fingerprint, lists=Data())
        workshop.evaluator([handler]).run()
    without, evaluation, training = _runs(client)
    assert without.inputs.dataset_inputs == []
    for run, context in ((training, "training"), (evaluation, "evaluation")):
        (given,) = run.inputs.dataset_inputs
        assert (given.dataset.name, given.dataset.digest) == ("cells", "abc")
        assert json.loads(given.dataset.source) == {"uri": "data/a, data/b"}
        assert {tag.key: tag.value for tag in given.tags} == {"mlflow.data.context": context}
        assert json.loads(given.dataset.profile) == {"images": 4}


@pytest.mark.parametrize("off", [False, "off", "none", "False", 0, None])
def test_switched_off_it_does_nothing(workshop, client, off):
    _run(workshop, epochs=1, enabled=off)
    assert _runs(client) == []


def test_weights_of_an_earlier_training_are_not_taken_for_its_own(workshop, client):
    Path("ckpt").mkdir()
    Path("ckpt/model.pt").write_text("earlier")
    workshop.trainer(1, [MLflowRun("toy", "cells", ckpt_dir="ckpt", config={})]).run()
    (run,) = _runs(client)
    assert _files(client, run, "model") == []


def test_a_report_of_an_earlier_evaluation_is_not_taken_for_its_own(workshop, client, at):
    files = [Path("metrics.json"), Path("best_and_worst.png")]
    files[0].write_text("earlier")

    def write(engine):
        for file in files:
            file.write_text("its own")

    def fail(engine):
        raise ValueError("broken")

    def evaluate(*handlers):
        workshop.evaluator([MLflowRun("toy", "cells", config={}, artifacts=files), *handlers]).run()

    with pytest.raises(ValueError, match="broken"):
        evaluate(at(Events.ITERATION_COMPLETED, fail))
    evaluate(at(Events.EPOCH_COMPLETED, write))
    finished, failed = _runs(client)
    kept = {
        run.info.status: {*_files(client, run)} & {file.name for file in files} for run in (finished, failed)
    }
    assert kept == {"FINISHED": {"metrics.json", "best_and_worst.png"}, "FAILED": set()}
    path = client.download_artifacts(finished.info.run_id, "metrics.json")
    assert Path(path).read_text() == "its own"


def test_a_picture_that_cannot_be_drawn_stops_nothing(workshop, client, caplog):
    def broken(*_):
        raise ValueError("no colours")

    _run(workshop, epochs=1, pictures=Pictures(draw=broken))
    assert [run.info.status for run in _runs(client)] == ["FINISHED"]
    assert "no colours" in caplog.text


def test_no_server_is_one_sentence_before_anything_is_trained(workshop, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    before = workshop.network.weight.detach().clone()
    with pytest.raises(ConnectionError) as caught:
        _run(workshop)
    assert "\n" not in str(caught.value) and "--mlflow False" in str(caught.value)
    assert "http://127.0.0.1:9" in str(caught.value) and "secret" not in str(caught.value)
    assert (workshop.network.weight == before).all()


def test_a_store_that_refuses_is_named(workshop, client):
    Path("mlruns.db").write_text("no data base")
    with pytest.raises(RuntimeError, match=r"sqlite:///.*/mlruns\.db refused the run .*--mlflow False"):
        _run(workshop, epochs=1)


def test_a_run_lies_below_the_one_of_whoever_started_it(workshop, client, monkeypatch):
    monkeypatch.setenv("NUCLEI_RUN_TAGS", json.dumps({"mlflow.parentRunId": "abc", "row": "sigma 9"}))
    _run(workshop, epochs=1)
    (run,) = _runs(client)
    assert (run.data.tags["mlflow.parentRunId"], run.data.tags["row"]) == ("abc", "sigma 9")
    assert run.info.run_name.startswith("sigma 9"), "the row says what was changed"
    assert run.data.params["row"] == "sigma 9", "MLflow compares runs by parameters"
    assert run.data.tags["job"] == "training"
