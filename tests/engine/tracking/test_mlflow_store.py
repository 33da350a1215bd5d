"""Tests of a run whose store is away, slow or particular."""

from __future__ import annotations

import logging

import pytest

from common.engine.tracking import MLflowStore
from common.engine.tracking.mlflow_store import is_away


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


def test_a_data_base_is_never_away():
    assert not is_away("sqlite:///nowhere.db")
    assert is_away("http://127.0.0.1:9", timeout=1.0)
