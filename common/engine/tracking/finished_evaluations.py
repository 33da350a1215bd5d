"""The evaluations that MLflow holds, with the scores of every image: what methods are compared by."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mlflow import MlflowClient
from mlflow.entities import Run

from .store_address import impatient, is_away, shown_address, store_address

__all__ = ["FinishedEvaluation", "finished_evaluations"]

_REPORT = "metrics.json"
_PAGE = 1000


@dataclass(frozen=True)
class FinishedEvaluation:
    """One evaluation that came to its end."""

    run_id: str
    name: str
    data: str
    """The experiment's name, which is the data set's."""
    ended: int
    """When, in milliseconds since 1970."""
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    report: Mapping[str, Any] | None
    """Its metrics.json; None where the store does not have it."""


def finished_evaluations(
    data: str | None = None, *, tracking_uri: str | None = None
) -> list[FinishedEvaluation]:
    """Read the finished evaluations of a store, the oldest first.

    Args:
        data: name of a data set; None: of all.
        tracking_uri: address of the store, see `MLflowStore`; ``MLFLOW_TRACKING_URI`` overrides it.

    Raises:
        FileNotFoundError: if there is no data base.
        ConnectionError: if no server answers.
        RuntimeError: if the store refuses, for example because another program has locked it.
    """
    uri = store_address(tracking_uri)
    shown = shown_address(uri)
    file = uri.removeprefix("sqlite:///")
    if file != uri and not Path(unquote(file)).is_file():
        # Looking must not make a data base.
        raise FileNotFoundError(
            f"{shown} is not there: train and evaluate first, or let MLFLOW_TRACKING_URI name the store"
        )
    if is_away(uri):
        raise ConnectionError(
            f"no MLflow server answers at {shown}: start it, or correct MLFLOW_TRACKING_URI"
        )
    try:
        with impatient():
            client = MlflowClient(uri)
            experiments = {each.experiment_id: each.name for each in client.search_experiments()}
            wanted = [number for number, name in experiments.items() if data in (None, name)]
            runs = _runs(client, wanted)
            with tempfile.TemporaryDirectory(prefix="mlflow_") as place:
                return [_evaluation(client, run, experiments, Path(place)) for run in runs]
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        mend = (
            "close the program that keeps it locked"
            if "is locked" in reason
            else "correct MLFLOW_TRACKING_URI"
        )
        raise RuntimeError(
            f"MLflow at {shown} cannot be read ({reason}): {mend}, or try again later"
        ) from error


def _runs(client: MlflowClient, experiments: list[str]) -> list[Run]:
    if not experiments:
        return []
    chosen = "tags.job = 'evaluating' and attributes.status = 'FINISHED'"
    found, token = [], None
    while True:
        page = client.search_runs(
            experiments, chosen, max_results=_PAGE, order_by=["attributes.end_time ASC"], page_token=token
        )
        found += list(page)
        token = page.token
        if not token:
            return found


def _evaluation(
    client: MlflowClient, run: Run, experiments: Mapping[str, str], place: Path
) -> FinishedEvaluation:
    return FinishedEvaluation(
        run_id=run.info.run_id,
        name=run.info.run_name,
        data=experiments[run.info.experiment_id],
        ended=run.info.end_time or 0,
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        report=_report(client, run.info.run_id, place),
    )


def _report(client: MlflowClient, run_id: str, place: Path) -> dict[str, Any] | None:
    folder = place / run_id
    folder.mkdir()
    try:
        file = client.download_artifacts(run_id, _REPORT, os.fspath(folder))
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except Exception:  # MLflow's stores raise whatever their backend does
        return None
    return content if isinstance(content, dict) else None
