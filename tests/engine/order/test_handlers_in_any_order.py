"""A list of handlers in another order gives the same weights, the same run in MLflow and the same files."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch

LISTS = ("train::handlers", "validate::handlers", "evaluate::handlers")
PLATEAU = {
    "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
    **{"optimizer": "@optimizer", "factor": 0.5, "patience": 0, "threshold": 10.0},
}
OPTIONS = {
    **{"epochs": 3, "val_interval": 2, "steps_per_epoch": 3, "accumulation_steps": 2, "ema_decay": 0.5},
    **{"scheduler": PLATEAU, "clip_norm": 0.5, "mlflow": True, "split": "test"},
}
# Every run takes another time.
TIMES = {"seconds", "processor_seconds", "images_per_second"}
TIMES |= {"epoch_seconds", "training_seconds", "training_processor_seconds"}
ORDERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "reversed": lambda handlers: handlers[::-1],
    **{f"seed {seed}": lambda handlers, seed=seed: _shuffled(handlers, seed) for seed in (1, 2)},
}


def _shuffled(handlers: list[Any], seed: int) -> list[Any]:
    return random.Random(seed).sample(handlers, len(handlers))


def _without_times(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in TIMES}


def _content(file: Path) -> Any:
    if file.suffix == ".pt":
        held = torch.load(file, weights_only=True)
        if "settings" in held:  # which tell the order
            held = {key: held[key] for key in held.keys() - {"settings", "mlflow_run_id"}}
        return json.dumps(held, default=lambda value: value.tolist(), sort_keys=True)
    if file.suffix == ".json":
        told = json.loads(file.read_text(), object_hook=_without_times)
        for part in ("train", "validate", "evaluate"):
            if part in told:
                told[part]["handlers"] = sorted(map(json.dumps, told[part]["handlers"]))
        return json.dumps(told, sort_keys=True)
    return file.read_bytes()


def _files(folder: Path) -> dict[str, Any]:
    return {
        file.relative_to(folder).as_posix(): _content(file) for file in folder.rglob("*") if file.is_file()
    }


def _runs(uri: str) -> dict[str, Any]:
    client = mlflow.MlflowClient(uri)
    found = {}
    for run in client.search_runs([each.experiment_id for each in client.search_experiments()]):
        names = run.data.metrics.keys() - TIMES
        history = {
            name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
            for name in names
        }
        files = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, tracking_uri=uri))
        found[run.data.tags["job"]] = (run.info.status, run.data.params, history, _files(files))
    return found


@pytest.fixture
def outcome(
    train: Callable[..., Any], tmp_path: Path, mlflow_tables: bytes, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """Train and evaluate, with the handlers in an order, and return the files and the runs in MLflow."""
    # Begins with weights of an earlier training in the same folder, which are moved aside.
    train(tmp_path / "earlier", epochs=1, steps_per_epoch=1)

    def run(order: Callable[[list[Any]], list[Any]], number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        place = tmp_path / "place"  # always the same, because settings name it
        shutil.copytree(tmp_path / "earlier", place / "run")
        store = tmp_path / f"store_{number}"
        store.mkdir()
        (store / "mlruns.db").write_bytes(mlflow_tables)
        uri = f"sqlite:///{(store / 'mlruns.db').as_posix()}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

        def change(parser: Any) -> None:
            parser.resolve_macro_and_relative_ids()
            for name in LISTS:
                parser[name] = order(parser[name])

        places = {"pretrained": str(place / "run" / "model.pt"), "output_dir": str(place / "scores")}
        made = train(place / "run", change=change, **places, **OPTIONS)
        made.parser.get_parsed_content("evaluating")
        files, runs = _files(place), _runs(uri)
        shutil.rmtree(place)
        return files, runs

    return run


def test_handlers_may_stand_in_any_order(outcome: Callable[..., Any]) -> None:
    files, runs = outcome(list, 0)
    kept = {"run/model.pt", "run/last.pt", "run/train.json", "scores/metrics.json"}
    assert kept <= files.keys() and sum(name.endswith("/model.pt") for name in files) == 2
    assert runs.keys() == {"training", "evaluating"}
    assert [step for step, _ in runs["training"][2]["train_loss"]] == [1, 2, 3]
    assert [step for step, _ in runs["training"][2]["val_loss"]] == [2, 3]
    assert len(runs["evaluating"][3]) >= 3  # scores, picture, settings
    for number, (name, order) in enumerate(ORDERS.items(), start=1):
        other_files, other_runs = outcome(order, number)
        assert other_files.keys() == files.keys(), name
        assert [file for file in files if files[file] != other_files[file]] == [], name
        for job, run in runs.items():
            for one, other in zip(run, other_runs[job], strict=True):
                assert one == other, (name, job)
