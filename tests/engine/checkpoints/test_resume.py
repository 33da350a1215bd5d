"""A training that was cut and resumed is the training that was never cut, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from common.engine.tracking import MLflowStore


def _same(one: Any, other: Any, where: str = "") -> None:
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _same(one[key], other[key], f"{where}::{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            _same(*pair, f"{where}::{number}")
    else:
        assert one == other, where


def _files(folder: Path) -> dict[str, Any]:
    files = {name: torch.load(folder / name, weights_only=True) for name in ("model.pt", "last.pt")}
    files["last.pt"].pop("settings")  # they name the folder
    return files


PLATEAU = {
    "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
    **{"optimizer": "@optimizer", "factor": 0.5, "patience": 0, "threshold": 10.0},
}
WARMING_UP = {  # for longer than the training lasts
    "_target_": "common.losses.InstanceMapsLoss",
    "channels": {"foreground": 0, "distance": 1, "offsets": [2, 3]},
    **{"beta": 0.0, "bce_weight": 1.0, "hard_fraction": 0.05, "hard_warmup_steps": 7},
}
CASES: dict[str, dict[str, Any]] = {
    "within an epoch": {"cut": (2, 1)},
    "with workers": {"cut": (3, 0), "num_workers": 2},
    "validated every second epoch, on a plateau": {
        "cut": (4, 0),
        "epochs": 4,
        "val_interval": 2,
        "scheduler": PLATEAU,
    },
    "averaged, accumulated, clipped": {
        "cut": (3, 1),
        **{"steps_per_epoch": 3, "ema_decay": 0.9, "accumulation_steps": 2, "clip_norm": 0.5},
    },
    "while hard example mining warms up": {"cut": (2, 1), "loss": WARMING_UP},
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_is_the_uncut_one(case: str, train: Callable[..., Any], tmp_path: Path) -> None:
    options = {**CASES[case]}
    cut = options.pop("cut")
    train(tmp_path / "whole", **options)
    train(tmp_path / "cut", cut=cut, **options)
    left = torch.load(tmp_path / "cut" / "last.pt", weights_only=True)
    assert left["epoch"] == cut[0] - 1
    train(tmp_path / "cut", resume=True, **options)
    whole, resumed = _files(tmp_path / "whole"), _files(tmp_path / "cut")
    _same(whole, resumed)
    # The weights did move after the cut, so that equality means something.
    moved = [
        not torch.equal(value, whole["last.pt"]["network"][key]) for key, value in left["network"].items()
    ]
    assert any(moved)


def test_one_run_in_mlflow_with_every_epoch_once(
    train: Callable[..., Any], tmp_path: Path, mlflow_tables: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    (tmp_path / "mlruns.db").write_bytes(mlflow_tables)
    uri = f"sqlite:///{(tmp_path / 'mlruns.db').as_posix()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    short = {"epochs": 3, "steps_per_epoch": 1, "mlflow": True}
    train(tmp_path / "a", **short)
    with monkeypatch.context() as patch:
        # Killed: nothing of the end is written, not even that it ended.
        patch.setattr(MLflowStore, "close", lambda store, status: None)
        train(tmp_path / "b", cut=(3, 0), **short)
    train(tmp_path / "b", resume=True, **short)
    client = mlflow.MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2 and {run.info.status for run in runs} == {"FINISHED"}
    for name in ("train_loss", "val_loss", "pq_pooled", "learning_rate"):
        one, other = (
            [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
            for run in runs
        )
        assert one == other and [step for step, _ in one] == [1, 2, 3]


def test_the_run_in_mlflow_is_found_again_after_a_while_without(
    train: Callable[..., Any], tmp_path: Path, mlflow_tables: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    (tmp_path / "mlruns.db").write_bytes(mlflow_tables)
    uri = f"sqlite:///{(tmp_path / 'mlruns.db').as_posix()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for epochs, tracked in ((1, True), (2, False), (3, True)):
        train(tmp_path / "a", resume=True, epochs=epochs, mlflow=tracked, steps_per_epoch=1)
    client = mlflow.MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "train_loss")] == [1, 3]


def test_what_is_resumed_must_be_the_same_training(
    train: Callable[..., Any], tiny: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = {"epochs": 1, "steps_per_epoch": 1}
    caplog.set_level("INFO")
    train(
        tmp_path, resume=True, **short
    )  # there is nothing yet: a cluster's script is the same for all starts
    assert any("starts anew" in line for line in caplog.messages)
    before = {name: (tmp_path / name).read_bytes() for name in ("model.pt", "last.pt")}

    train(tmp_path, resume=True, **short)
    assert any("is finished (1 of 1 epochs" in line for line in caplog.messages)
    assert before == {name: (tmp_path / name).read_bytes() for name in before}

    for option, value, words in (
        ("learning_rate", 0.5, "learning_rate was 0.002 and is now 0.5"),
        ("network_def", {**tiny, "embed_dim": 12}, "network_def::embed_dim was 6 and is now 12"),
    ):
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, resume=True, **{**short, "epochs": 2, option: value})
        assert words in str(caught.value.__cause__)
    assert before == {name: (tmp_path / name).read_bytes() for name in before}

    train(tmp_path, resume=True, **{**short, "epochs": 2, "num_workers": 0, "patience": 7})
    assert torch.load(tmp_path / "last.pt", weights_only=True)["epoch"] == 2


def test_a_training_can_begin_with_the_one_that_it_moves_aside(
    train: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    short = {"epochs": 1, "steps_per_epoch": 1}
    train(tmp_path, **short)
    first = (tmp_path / "model.pt").read_bytes()
    train(tmp_path, pretrained=str(tmp_path / "model.pt"), **short)
    assert [file.read_bytes() for file in tmp_path.glob("*/model.pt")] == [first]
    count = len(torch.load(tmp_path / "model.pt", weights_only=True))
    assert f"pretrained: {count} of {count} tensors from" in caplog.text
