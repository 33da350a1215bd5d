"""One run in MLflow: opened with a clear error, then never in the way of the training, always closed."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from monai.utils import path_to_uri

from .store_address import impatient, is_away, shown_address, store_address

__all__ = ["MLflowStore"]

_log = logging.getLogger(__name__)

_LONGEST_PARAM = 500  # characters; what servers before MLflow 2.10 take, newer ones take 6000
_LONGEST_NAME, _LONGEST_DIGEST = 500, 36  # characters of a data set's name and digest, MLflow's limits
_PER_CALL = 100  # parameters or tags in one call, MLflow's limit


def _artifact_location(uri: str) -> str | None:
    """Return where an experiment's files go: beside a data base in a file; else the store knows."""
    path = uri.removeprefix("sqlite:///")
    return None if path == uri else path_to_uri(Path(unquote(path)).parent / "mlruns")


class MLflowStore:
    """One run in MLflow. Opening it may fail, in one sentence; afterwards nothing it does raises.

    What cannot be sent is kept and sent when the server answers again, after one warning. The store is
    ``MLFLOW_TRACKING_URI``, else the address given, else ``mlruns.db`` in the current folder, each time with
    artifacts in ``mlruns`` beside a data base in a file. Nothing that MLflow holds for the whole process is
    changed: neither its address nor its active run.

    Args:
        experiment: name of the experiment, made if needed.
        run_name: name of the run.
        tracking_uri: address of the store, which ``MLFLOW_TRACKING_URI`` overrides.
    """

    def __init__(self, experiment: str, run_name: str, *, tracking_uri: str | None = None) -> None:
        self.experiment = experiment
        self.run_name = run_name
        self.tracking_uri = tracking_uri
        self.run_id = ""
        self._waiting: list[Callable[[], Any]] = []
        self._warned = False
        self._uri = ""

    def open(
        self,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        run_id: str | None = None,
    ) -> None:
        """Create the run with its parameters and tags, or open an earlier one again.

        Args:
            params: settings by name; long values are cut.
            tags: tags by name.
            run_id: an earlier run to continue; its parameters stay, and a new run is made where it is gone.

        Raises:
            ConnectionError: if no server answers.
            RuntimeError: if the store refuses, whatever the reason.
        """
        self._uri = store_address(self.tracking_uri)
        off = "or switch tracking off with --mlflow False"
        if is_away(self._uri):
            raise ConnectionError(
                f"no MLflow server answers at {shown_address(self._uri)}:"
                f" start it, correct MLFLOW_TRACKING_URI, {off}"
            )
        try:
            with impatient():
                run = self._run(run_id)
                self.run_id, self.run_name = run.info.run_id, run.info.run_name
                self._describe({} if self.run_id == run_id else params, tags)  # a parameter cannot change
        except Exception as error:
            if self.run_id:
                with contextlib.suppress(Exception):  # the store has just failed; it may fail at this too
                    self.client.set_terminated(self.run_id, "FAILED")
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            locked = "close the program that keeps the data base locked, or try again later"
            mend = locked if "is locked" in reason else "correct MLFLOW_TRACKING_URI"
            raise RuntimeError(
                f"MLflow at {shown_address(self._uri)} refused the run ({reason}): {mend}, {off}"
            ) from error

    def _run(self, run_id: str | None) -> Run:
        attempts = 3
        for attempt in range(1, attempts + 1):
            try:
                self.client = MlflowClient(self._uri)
                if run_id is not None and (earlier := self._earlier(run_id)) is not None:
                    self.client.update_run(run_id, status="RUNNING")
                    return earlier
                return self.client.create_run(self._experiment_id(), run_name=self.run_name)
            except Exception:
                # Two trainings that start together both make the tables of a new data base, and the
                # experiment: one of them fails.
                if attempt == attempts:
                    raise
                time.sleep(attempt)
        raise AssertionError("unreachable")

    def _experiment_id(self) -> str:
        if (found := self.client.get_experiment_by_name(self.experiment)) is not None:
            return found.experiment_id
        return self.client.create_experiment(self.experiment, _artifact_location(self._uri))

    def _earlier(self, run_id: str) -> Run | None:
        try:
            run = self.client.get_run(run_id)
        except MlflowException:
            run = None
        if run is None or run.info.lifecycle_stage != "active":
            _log.warning("the run %s of the resumed training is not in MLflow: a new one is made", run_id)
            return None
        return run

    def _describe(self, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        entities = [Param(name, _cut(value)) for name, value in params.items()]
        for begin in range(0, len(entities), _PER_CALL):
            self.client.log_batch(self.run_id, params=entities[begin : begin + _PER_CALL])
        self.client.log_batch(self.run_id, tags=[RunTag(name, str(value)) for name, value in tags.items()])

    def last_step(self, name: str) -> int:
        """Return the last step at which a number was noted, 0 where it never was."""
        try:
            with impatient():
                points = self.client.get_metric_history(self.run_id, name)
            return max((point.step for point in points), default=0)
        except Exception as error:
            _log.warning("MLflow at %s: %s; the training goes on", shown_address(self._uri), error)
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

    def data_set(
        self, name: str, *, digest: str, context: str, source: Any = None, images: int | None = None
    ) -> None:
        """Note a data set as an input of the run, which MLflow shows in a column of its own.

        Args:
            name: name of the data set.
            digest: short text that changes with the data.
            context: what it is used for, "training" or "evaluation".
            source: folder or folders of the data set.
            images: how many images it has.
        """
        folders = source if isinstance(source, (list, tuple)) else [source or name]
        profile = None if images is None else json.dumps({"images": images})
        found = Dataset(
            name=name[:_LONGEST_NAME],
            digest=digest[:_LONGEST_DIGEST],
            source_type="local",
            source=json.dumps({"uri": ", ".join(map(str, folders))}),
            profile=profile,
        )
        # MLflow's own name of this tag; mlflow.utils, where it has a constant, is not public.
        tags = [InputTag("mlflow.data.context", context)]
        self._send(lambda: self.client.log_inputs(self.run_id, datasets=[DatasetInput(found, tags)]))

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
        self._send(lambda: self.client.set_terminated(self.run_id, status))
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
                with impatient():
                    self._waiting[0]()
            except Exception as error:
                if not self._warned:
                    self._warned = True
                    reason = (str(error).splitlines() or [type(error).__name__])[0]
                    _log.warning("MLflow at %s: %s; the training goes on", shown_address(self._uri), reason)
                if isinstance(error, ConnectionError) or is_away(self._uri, timeout=3.0):
                    return  # keep it, the server may come back
            self._waiting.pop(0)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_PARAM else text[: _LONGEST_PARAM - 3] + "..."
