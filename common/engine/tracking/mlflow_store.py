"""One run in MLflow: opened with a clear error, then never in the way of the training, always closed."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from ignite.engine import Engine
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from monai.handlers import MLFlowHandler

__all__ = ["MLflowStore", "is_away"]

_log = logging.getLogger(__name__)

_LONGEST_PARAM = 500  # characters; what servers before MLflow 2.10 take, newer ones take 6000
_PER_CALL = 100  # parameters or tags in one call, MLflow's limit
# A server that went away shall not hold up an epoch for the minutes of MLflow's seven patient attempts.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}


def _address(uri: str) -> str:
    # Never show the password of http://user:password@host.
    return re.sub(r"//[^/@]*@", "//", uri)


def is_away(uri: str, *, timeout: float = 5.0) -> bool:
    """Return whether no server answers at a tracking address; a data base is never away.

    Args:
        uri: tracking address.
        timeout: how long to wait for an answer, in seconds.

    Example:
        >>> is_away("sqlite:///mlruns.db")
        False
    """
    if urlsplit(uri).scheme not in ("http", "https"):
        return False
    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=timeout)
    except requests.exceptions.SSLError:
        return False  # it answers; whether its certificate is good enough is for MLflow's own settings
    except requests.exceptions.RequestException:
        return True
    return False


class MLflowStore:
    """One run in MLflow. Opening it may fail, in one sentence; afterwards nothing it does raises.

    What cannot be sent is kept and sent when the server answers again, after one warning. The store is
    MONAI's: ``MLFLOW_TRACKING_URI``, else ``mlruns.db`` in the current folder with artifacts in ``mlruns``
    beside it.

    Args:
        experiment: name of the experiment.
        run_name: name of the run, which must be new: MONAI continues an unfinished run of the same name.
        tracking_uri: address of the store, which ``MLFLOW_TRACKING_URI`` overrides.
    """

    def __init__(self, experiment: str, run_name: str, *, tracking_uri: str | None = None) -> None:
        self.experiment = experiment
        self.run_name = run_name
        self.tracking_uri = tracking_uri
        self._waiting: list[Callable[[], Any]] = []
        self._warned = False
        self._uri = ""
        self._handler: MLFlowHandler | None = None

    def open(
        self,
        engine: Engine,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        run_id: str | None = None,
    ) -> None:
        """Create the run with its parameters and tags, or open an earlier one again.

        Args:
            engine: the engine that the run belongs to.
            params: settings by name; long values are cut.
            tags: tags by name.
            run_id: an earlier run to continue; its parameters stay, and a new run is made where it is gone.

        Raises:
            ConnectionError: if no server answers.
            RuntimeError: if the store refuses, whatever the reason.
        """
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._uri = os.environ.get("MLFLOW_TRACKING_URI") or self.tracking_uri or "sqlite:///mlruns.db"
        off = "or switch tracking off with --mlflow False"
        if is_away(self._uri):
            raise ConnectionError(
                f"no MLflow server answers at {_address(self._uri)}:"
                f" start it, correct MLFLOW_TRACKING_URI, {off}"
            )
        try:
            self._handler = self._start(engine, run_id)
            self.client = self._handler.client
            self.run_id: str = self._handler.cur_run.info.run_id
            if self.run_id == run_id:
                params = {}  # a parameter cannot change
                self.run_name = self._handler.cur_run.info.run_name
                self.client.update_run(run_id, status="RUNNING")
            entities = [Param(name, _cut(value)) for name, value in params.items()]
            for begin in range(0, len(entities), _PER_CALL):
                self.client.log_batch(self.run_id, params=entities[begin : begin + _PER_CALL])
            self.client.log_batch(
                self.run_id, tags=[RunTag(name, str(value)) for name, value in tags.items()]
            )
        except Exception as error:
            if self._handler is not None:
                self._handler.run_finish_status = "FAILED"
                with contextlib.suppress(Exception):  # the store has just failed; it may fail at this too
                    self._handler.close()
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RuntimeError(
                f"MLflow at {_address(self._uri)} refused the run ({reason}):"
                f" correct MLFLOW_TRACKING_URI, {off}"
            ) from error

    def _start(self, engine: Engine, run_id: str | None) -> MLFlowHandler:
        attempts = 3
        for attempt in range(1, attempts + 1):
            try:
                handler = MLFlowHandler(
                    tracking_uri=self.tracking_uri,
                    iteration_log=False,
                    epoch_log=False,
                    experiment_name=self.experiment,
                    run_name=self.run_name,
                )
                if run_id is not None:
                    handler.cur_run = self._earlier(handler.client, run_id)
                # "max_epochs" and "epoch_length" would stand beside the settings that they are copies of.
                handler.default_tracking_params = []
                handler.start(engine)
                return handler
            except Exception:
                # Two trainings that start together both make the tables of a new data base: one fails.
                if attempt == attempts or not self._uri.startswith("sqlite"):
                    raise
                time.sleep(attempt)
        raise AssertionError("unreachable")

    def _earlier(self, client: MlflowClient, run_id: str) -> Run | None:
        try:
            run = client.get_run(run_id)
        except MlflowException:
            run = None
        if run is None or run.info.lifecycle_stage != "active":
            _log.warning("the run %s of the resumed training is not in MLflow: a new one is made", run_id)
            return None
        return run

    def last_step(self, name: str) -> int:
        """Return the last step at which a number was noted, 0 where it never was."""
        try:
            return max((point.step for point in self.client.get_metric_history(self.run_id, name)), default=0)
        except Exception as error:
            _log.warning("MLflow at %s: %s; the training goes on", _address(self._uri), error)
            return 0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Note numbers.

        Args:
            values: numbers by name.
            step: the epoch.
        """
        now = int(time.time() * 1000)
        entities = [
            Metric(re.sub(r"[^\w\-./ :]", "_", name), float(v), now, step) for name, v in values.items()
        ]
        self._send(lambda: self.client.log_batch(self.run_id, metrics=entities))

    def tag(self, name: str, value: str) -> None:
        """Note a tag."""
        self._send(lambda: self.client.set_tag(self.run_id, name, value))

    def text(self, text: str, file: str) -> None:
        """Note a text as a file."""
        self._send(lambda: self.client.log_text(self.run_id, text, file))

    def artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Note a file, if it exists.

        Args:
            path: the file; it has to stay until the run is closed.
            folder: folder of the run's artifacts.
        """
        if Path(path).is_file():
            self._send(lambda: self.client.log_artifact(self.run_id, str(path), folder))

    def artifacts(self, source: str | Path, folder: str) -> None:
        """Note all files of a folder in one call.

        Args:
            source: the folder, which has to stay until the run is closed.
            folder: folder of the run's artifacts.
        """
        self._send(lambda: self.client.log_artifacts(self.run_id, str(source), folder))

    def close(self, status: str) -> None:
        """End the run.

        Args:
            status: "FINISHED", "FAILED" or "KILLED".
        """
        assert self._handler is not None
        self._handler.run_finish_status = status
        self._send(self._handler.close)
        if self._waiting:
            _log.warning(
                "the run %r in MLflow is incomplete and was left open: no server answers", self.run_name
            )
        self._waiting = []

    def _send(self, call: Callable[[], Any]) -> None:
        self._waiting.append(call)
        while self._waiting:
            try:
                if is_away(self._uri, timeout=3.0):
                    raise ConnectionError("no server answers")
                self._waiting[0]()
            except Exception as error:
                if not self._warned:
                    self._warned = True
                    reason = (str(error).splitlines() or [type(error).__name__])[0]
                    _log.warning("MLflow at %s: %s; the training goes on", _address(self._uri), reason)
                if isinstance(error, ConnectionError) or is_away(self._uri, timeout=3.0):
                    return  # keep it, the server may come back
            self._waiting.pop(0)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_PARAM else text[: _LONGEST_PARAM - 3] + "..."
