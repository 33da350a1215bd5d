"""Test against a real MLflow server on loopback, which goes away in the middle of a training."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import mlflow
import pytest
from ignite.engine import Events

from common.engine.tracking import MLflowRun


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def server(tmp_path, mlflow_tables):
    (tmp_path / "server.db").write_bytes(mlflow_tables)
    port = _free_port()
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    words += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # processes that tracking does not need
    with open(tmp_path / "server.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=tmp_path,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120  # five seconds on an idle machine
        while time.monotonic() < deadline:
            try:
                urlopen(f"{address}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
            assert process.poll() is None, (tmp_path / "server.log").read_text()
        else:
            pytest.fail(f"the server did not start: {(tmp_path / 'server.log').read_text()}")
        yield address, lambda: _stop(process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        # The server starts processes of its own; the session is all of them and nobody else's.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.skipif(os.name != "posix", reason="ends the server by its process group")
def test_a_real_server_and_its_end(workshop, server, tmp_path, monkeypatch, at, caplog):
    address, stop = server
    caplog.set_level(logging.WARNING, logger="common")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.chdir(tmp_path)
    evaluator = workshop.evaluator()
    run = MLflowRun("toy", "cells", evaluator=evaluator, config={"epochs": 2}, fingerprint="abc")
    workshop.trainer(2, [run], evaluator).run()

    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("cells")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["epochs"] == "2"
    assert [each.dataset.digest for each in run.inputs.dataset_inputs] == ["abc"]
    assert len(client.get_metric_history(run.info.run_id, "pq_pooled")) == 2
    assert len(client.list_artifacts(run.info.run_id, "overlays/last")) == 3
    assert not (tmp_path / "mlruns.db").exists()
    assert caplog.messages == []

    def leave(engine):
        stop()

    handlers = [MLflowRun("toy", "cells", config={}), at(Events.EPOCH_STARTED(once=2), leave)]
    trainer = workshop.trainer(4, handlers)
    began = time.monotonic()
    trainer.run()
    assert trainer.state.epoch == 4  # trained to its end
    assert time.monotonic() - began < 20
    assert [("goes on" in m, "incomplete" in m) for m in caplog.messages] == [(True, False), (False, True)]
