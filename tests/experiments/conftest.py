"""A repository with a tiny bundle and a table of two rows, a few small images, commands that do nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.sample import write_sample

TINY = {
    "title": "Two losses",
    "paper": "nobody's",
    "seeds": [0],
    "folds": None,
    "default_budget": "short",
    "budgets": {"short": {"epochs": 2, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64}, "full": {}},
    "columns": ["dice_mean", "pq_pooled"],
    "claims": [{"says": "a is better", "score": "dice_mean", "better": ["a"], "worse": ["b"]}],
    "rows": [
        {"name": "a", "published": {"dice_mean": 0.9}},
        {"name": "b", "options": {"loss::beta": 0}, "published": {"dice_mean": 0.8}},
    ],
}
NETWORK = {"saliency_features": [2, 2, 2, 2, 4, 4], "embed_dim": 6, "depths": [1, 1, 1]}


@pytest.fixture
def content() -> dict[str, Any]:
    """The content of a table, to be spoilt."""
    return json.loads(json.dumps(TINY))


@pytest.fixture
def place(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]) -> Path:
    """Be in a folder with copies of `bundles/logsage` and `common/configs`, and the table `tiny`."""
    for folder in ("bundles/logsage", "common/configs"):
        shutil.copytree(repository / folder, tmp_path / folder)
    file = tmp_path / "bundles/logsage/configs/train.json"
    train = json.loads(file.read_text("utf-8"))
    train["network_def"] |= NETWORK | {"num_heads": [1, 1, 1]}
    file.write_text(json.dumps(train), encoding="utf-8")
    write_table(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def write_table(place: Path, content: dict[str, Any], name: str = "tiny") -> None:
    """Put a table into the bundle."""
    file = place / f"bundles/logsage/tables/{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A data set of small images."""
    return write_sample(tmp_path / "cells", counts=(3, 1, 3), shape=(96, 80))


class Commands:
    """Stands for the bundle's commands: an evaluation leaves scores that its settings decide."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.fail: Callable[[str], Exception | None] = lambda words: None

    def __call__(self, words: list[str], *, log: Path, environment: Any = None, heard: Any = None) -> None:
        self.ran.append(words)
        self.environments.append(dict(environment or {}))
        if (error := self.fail(" ".join(words))) is not None:
            raise error
        options = dict(zip(words, words[1:], strict=False))
        if "evaluating" in words:
            out = Path(options["--output_dir"])
            out.mkdir(parents=True, exist_ok=True)
            overlay = json.loads(Path(options["--config_file"].split("'")[3]).read_text("utf-8"))
            score = 0.5 + 0.1 * overlay["seed"] - (0.2 if "loss" in overlay else 0)
            images = [{"image": f"{n}.png", "dice": score + n / 100} for n in range(4)]
            scores = {"dice_mean": score + 0.015, "pq_pooled": score / 2, "images": images}
            (out / "metrics.json").write_text(json.dumps(scores), encoding="utf-8")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Replace the bundles' commands."""
    made = Commands()
    # The package exports a function of the same name as this module.
    monkeypatch.setattr(sys.modules["common.experiments.run_cell"], "run_command", made)
    return made
