"""A training that was cut and resumed is the training that was never cut, bit for bit."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigWorkflow

from common.handlers import Resume, run_training
from common.readers import write_sample

ROOT = Path(__file__).parents[2]
TINY = {
    "_target_": "common.networks.LoGSAGE",
    "in_channels": 1,
    "out_channels": 4,
    "saliency_features": [2, 2, 2, 2, 4, 4],
    "embed_dim": 6,
    "depths": [1, 1, 1],
    "num_heads": [1, 1, 1],
    "dropout": 0.2,
    "drop_path_rate": 0.2,
}
EPOCHS = 4


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("data") / "sample", counts=(3, 2, 1), shape=(96, 80))


class Cut(Exception):
    """Stands for a power cut."""


@pytest.fixture
def train(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the bundle's own training with a tiny network; `cut` is (epoch, iteration) at which it breaks."""
    monkeypatch.chdir(ROOT)

    def run(folder: Path, *, cut: tuple[int, int] | None = None, **options: Any) -> ConfigWorkflow:
        settings = {
            **{"epochs": EPOCHS, "steps_per_epoch": 3, "batch_size": 2, "crop_px": 64, "warmup_epochs": 1},
            **{"mlflow": False, "network_def": TINY, "dataset_dir": str(sample), "ckpt_dir": str(folder)},
            **options,
        }
        workflow = ConfigWorkflow(
            config_file="bundles/logsage/configs/train.json",
            meta_file="bundles/logsage/configs/metadata.json",
            workflow_type="train",
            logging_file=False,
            **settings,
        )
        workflow.initialize()
        trainer = workflow.parser.get_parsed_content("train::trainer")
        if cut is not None:
            from ignite.engine import Events

            def break_off(engine: Any) -> None:
                if engine.state.epoch == cut[0] and (engine.state.iteration - 1) % 3 == cut[1]:
                    raise Cut

            trainer.add_event_handler(Events.ITERATION_COMPLETED, break_off)
        try:
            workflow.parser.get_parsed_content("training")
        except RuntimeError as error:
            if cut is None or not isinstance(error.__cause__, Cut):
                raise
        return workflow

    return run


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
    settings = json.loads(files["last.pt"].pop("settings"))
    for name in ("ckpt_dir", "resume"):
        settings.pop(name)
    return {**files, "settings": settings}


CASES = {
    "after an epoch": {"cut": (3, 0)},
    "within an epoch": {"cut": (2, 1)},
    "workers": {"cut": (3, 1), "num_workers": 2},
    "validated every second epoch": {"cut": (4, 0), "val_interval": 2},
    "averaged, accumulated, clipped": {
        "cut": (3, 1),
        **{"ema_decay": 0.9, "accumulation_steps": 2, "clip_norm": 0.5},
    },
    "a plateau": {
        "cut": (3, 0),
        "scheduler": {
            "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
            **{"optimizer": "@optimizer", "factor": 0.5, "patience": 0, "threshold": 10.0},
        },
    },
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_is_the_uncut_one(case: str, train: Callable[..., Any], tmp_path: Path) -> None:
    options = {**CASES[case]}
    cut = options.pop("cut")
    train(tmp_path / "whole", **options)
    train(tmp_path / "cut", cut=cut, **options)
    assert torch.load(tmp_path / "cut" / "last.pt", weights_only=True)["epoch"] == cut[0] - 1
    train(tmp_path / "cut", resume=True, **options)
    _same(_files(tmp_path / "whole"), _files(tmp_path / "cut"))
    # The test can fail: another seed gives other weights.
