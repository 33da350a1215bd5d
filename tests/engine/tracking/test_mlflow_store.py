"""Tests of a run whose store is away, slow or particular."""

from __future__ import annotations

import logging
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import mlflow
import pytest

from common.engine.tracking import MLflowStore
from common.engine.tracking.store_address import is_away


@pytest.fixture
def store(client):
    store = MLflowStore("cells", "one")
    store.open(params={}, tags={})
    return store


def _run(client):
    (run,) = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    return run


def test_many_settings_arrive_each_once_and_nothing_else(client):
    params = {f"option_{number}": str(number) for number in range(250)}
    store = MLflowStore("cells", "one")
    store.open(params=params, tags={"bundle": "toy"})
    assert _run(client).data.params == params


def test_a_folder_of_files_arrives_whole(store, client, tmp_path):
    folder = tmp_path / "drawn"
    folder.mkdir()
    for name in ("1_a.png", "2_b.png"):
        (folder / name).write_text(name)
    store.artifacts(folder, "overlays/best")
    store.close("FINISHED")
    files = client.list_artifacts(_run(client).info.run_id, "overlays/best")
    assert [file.path for file in files] == ["overlays/best/1_a.png", "overlays/best/2_b.png"]


def test_what_could_not_be_sent_is_sent_later_in_order(store, client, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    away = [True]
    monkeypatch.setattr("common.engine.tracking.mlflow_store.is_away", lambda *_, **__: away[0])
    for epoch in (1, 2):
        store.metrics({"loss": float(epoch)}, step=epoch)
    assert len(caplog.messages) == 1 and "the training goes on" in caplog.messages[0]
    assert _run(client).data.metrics == {}
    away[0] = False
    store.metrics({"loss": 3.0}, step=3)
    store.close("FINISHED")
    run = _run(client)
    assert [p.value for p in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]
    assert run.info.status == "FINISHED" and len(caplog.messages) == 1


def test_one_bad_entry_does_not_hold_up_the_others(store, client, caplog):
    store.tag("", "a tag without a name")
    store.metrics({"loss é#": 1.0}, step=1)
    store.close("FINISHED")
    run = _run(client)
    assert run.info.status == "FINISHED" and len(run.data.metrics) == 1


def test_without_an_address_everything_lies_in_the_current_folder(client, tmp_path, monkeypatch):
    folder = tmp_path / "my data #1"
    folder.mkdir()
    (tmp_path / "mlruns.db").rename(folder / "mlruns.db")
    monkeypatch.chdir(folder)
    store = MLflowStore("cells", "one")
    store.open(params={}, tags={})
    store.text("here", "note.txt")
    store.close("FINISHED")
    (note,) = tmp_path.rglob("note.txt")
    assert note.is_relative_to(folder / "mlruns") and note.read_text() == "here"
    assert {path.name for path in folder.iterdir()} == {"mlruns.db", "mlruns"}


def test_a_run_is_the_experiments_newest_also_beside_an_unfinished_one_of_its_name(client):
    for _ in range(2):
        MLflowStore("cells", "one").open(params={}, tags={})
    experiment = client.get_experiment_by_name("cells").experiment_id
    assert len(client.search_runs([experiment])) == 2


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_store_that_another_training_is_making_is_tried_three_times(client, monkeypatch, failures):
    store, left = MLflowStore("cells", "one"), [failures]
    create = mlflow.MlflowClient.create_run

    def busy(self, *args, **kwargs):
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("table experiments already exists")
        return create(self, *args, **kwargs)

    monkeypatch.setattr(mlflow.MlflowClient, "create_run", busy)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    if failures == 3:
        with pytest.raises(RuntimeError, match="table experiments already exists"):
            store.open(params={}, tags={})
    else:
        store.open(params={}, tags={})
        assert _run(client).info.run_id == store.run_id
    assert left == [0 if failures == 3 else -1]


def test_a_deleted_experiment_is_refused_in_one_sentence(store, client, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    client.delete_experiment(client.get_experiment_by_name("cells").experiment_id)
    with pytest.raises(RuntimeError, match="refused the run .*--mlflow False") as caught:
        MLflowStore("cells", "two").open(params={}, tags={})
    assert "\n" not in str(caught.value)


def test_the_program_around_keeps_its_own_mlflow(client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlruns.db")
    with mlflow.start_run() as around:
        address, environment = mlflow.get_tracking_uri(), dict(os.environ)
        store = MLflowStore("cells", "one")
        store.open(params={"epochs": 1}, tags={})
        store.metrics({"loss": 1.0}, step=1)
        assert store.last_step("loss") == 1
        store.close("FINISHED")
        assert mlflow.active_run().info.run_id == around.info.run_id
        assert (mlflow.get_tracking_uri(), dict(os.environ)) == (address, environment)
    theirs = client.get_run(around.info.run_id)
    assert theirs.info.status == "FINISHED" and not theirs.data.metrics and not theirs.data.params
    assert _run(client).data.metrics == {"loss": 1.0}


def test_mlflow_is_impatient_while_a_run_is_sent_and_only_where_nobody_said_how_patient(store, monkeypatch):
    names = ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT")
    monkeypatch.delenv(names[0], raising=False)
    monkeypatch.setenv(names[1], "7")
    seen = []
    monkeypatch.setattr(store.client, "set_tag", lambda *_: seen.append([os.environ.get(n) for n in names]))
    store.tag("bundle", "toy")
    ((retries, timeout),) = seen
    assert int(retries) < 7 and timeout == "7"
    assert [os.environ.get(name) for name in names] == [None, "7"]


def test_a_data_base_is_never_away():
    assert not is_away("sqlite:///nowhere.db")
    assert is_away("http://127.0.0.1:9", timeout=1.0)
    assert is_away("http://", timeout=1.0)


class Unwilling(BaseHTTPRequestHandler):
    """Lets nobody in."""

    def do_GET(self):
        self.send_error(401)

    def log_message(self, *_):
        """Say nothing."""


@pytest.mark.parametrize("who", ["", "user:secret@"])
def test_a_server_that_lets_nobody_in_is_there(who):
    with HTTPServer(("127.0.0.1", 0), Unwilling) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert not is_away(f"http://{who}127.0.0.1:{server.server_port}", timeout=20.0)
