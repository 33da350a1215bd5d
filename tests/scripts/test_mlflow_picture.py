"""The README's picture of MLflow: whole, described, and made anew where there is a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.figures import find_browser
from common.files import sha256_of
from scripts import mlflow_picture as script

ROOT = Path(__file__).parents[2]
SHORT = ["--epochs", "2", "--steps_per_epoch", "2", "--batch_size", "2", "--crop_px", "64"]


def test_the_picture_is_the_one_that_is_described() -> None:
    record = json.loads((ROOT / script.PICTURES / script.RECORD).read_text("utf-8"))
    assert record["picture"] == sha256_of(ROOT / script.PICTURES / script.PICTURE), (
        f"{script.PICTURE} is out of date: it is not the file that {script.RECORD} describes; make it anew "
        f"with `{script.COMMAND}`"
    )
    assert set(script.CHARTS) <= set(record["noted"]) and len(record["trainings"]) == 2
    assert f"({(script.PICTURES / script.PICTURE).as_posix()})" in (ROOT / "README.md").read_text("utf-8")


def test_the_picture_of_a_table_is_described_too() -> None:
    pictures = sorted((ROOT / script.PICTURES).glob("mlflow_*.png"))
    shown = (ROOT / "docs/experiments.md").read_text("utf-8")
    for picture in pictures:
        record = json.loads(picture.with_suffix(".json").read_text("utf-8"))
        assert record["picture"] == sha256_of(picture), f"make it anew: {record['command']}"
        assert set(script.SCORES) <= set(record["noted"]) and len(record["evaluations"]) > 1
        assert f"(pictures/{picture.name})" in shown
    assert pictures


def test_without_a_browser_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError("no browser")

    monkeypatch.setattr(script, "find_browser", none)
    monkeypatch.setattr(
        script.subprocess, "Popen", lambda *words, **options: pytest.fail("MLflow was started")
    )
    with pytest.raises(FileNotFoundError, match="no browser"):
        script.mlflow_picture("sqlite:///none.db")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two experiments, one with two trainings."""
    runs = {"0": [], "1": [{"info": {"run_name": name}} for name in "ab"]}

    def ask(address: str, what: str, **words: Any) -> dict[str, Any]:
        if what == "runs/search":
            assert words["filter"] == script.TRAININGS
            return {"runs": runs[words["experiment_ids"][0]]}
        return {
            "experiments": [{"experiment_id": "0", "name": "none"}, {"experiment_id": "1", "name": "two"}]
        }

    monkeypatch.setattr(script, "_ask", ask)


def test_the_experiment_with_two_trainings_is_shown(store: None) -> None:
    number, runs = script._two_trainings("http://here", "STORE", None)
    assert number == "1" and [run["info"]["run_name"] for run in runs] == ["a", "b"]


def test_a_store_without_two_trainings_is_told(store: None) -> None:
    message = r"STORE has no experiment 'none' with exactly two finished trainings \(none 0, two 2\)"
    with pytest.raises(ValueError, match=message):
        script._two_trainings("http://here", "STORE", "none")


def test_the_cells_of_a_table_are_found_in_their_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [{"info": {"run_name": name}} for name in ("test a seed 0", "test b seed 0")]

    def ask(address: str, what: str, **words: Any) -> dict[str, Any]:
        if what == "runs/search":
            there = words["experiment_ids"] == ["1"] and "tags.table = 'logsage/table_1'" in words["filter"]
            return {"runs": cells if there else []}
        return {
            "experiments": [{"experiment_id": "0", "name": "none"}, {"experiment_id": "1", "name": "some"}]
        }

    monkeypatch.setattr(script, "_ask", ask)
    assert script._cells("http://here", "STORE", None, "logsage/table_1") == ("1", cells)
    message = "STORE has no evaluations of the table 'logsage/table_2': run it, .*logsage --table table_2"
    with pytest.raises(ValueError, match=message):
        script._cells("http://here", "STORE", None, "logsage/table_2")
    with pytest.raises(ValueError, match="in the experiment 'none'"):
        script._cells("http://here", "STORE", "none", "logsage/table_1")


def test_mlflow_that_does_not_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def end(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return start([sys.executable, "-c", "import sys; sys.exit('no such store')"], **options)

    monkeypatch.setattr(script.subprocess, "Popen", end)
    with (
        pytest.raises(TimeoutError, match="MLflow does not run on STORE: no such store"),
        script._server("STORE"),
    ):
        pass


@pytest.mark.long
def test_two_trainings_are_photographed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        find_browser()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    monkeypatch.chdir(ROOT)
    store = f"sqlite:///{(tmp_path / 'runs.db').as_posix()}"
    train = ["monai.bundle", "run", "training", "--config_file", "bundles/resnet18_unet/configs/train.json"]
    for rate in ("0.002", "0.0005"):
        given = ["--ckpt_dir", str(tmp_path / rate), "--learning_rate", rate]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": store}
        subprocess.run([sys.executable, "-m", *train, *SHORT, *given], check=True, env=environment)
    file = script.mlflow_picture(store, output_dir=str(tmp_path / "pictures"))
    with Image.open(file) as picture:
        shown = np.asarray(picture.convert("RGB"))
    assert shown.shape == (925, 1662, 3) and file.stat().st_size < 150_000
    charts = shown[500:, 520:].astype(int)
    assert (charts.max(-1) - charts.min(-1) > 90).sum() > 2000, "no lines are drawn"
    record = json.loads((tmp_path / "pictures" / script.RECORD).read_text("utf-8"))
    commands = [training["command"] for training in record["trainings"]]
    assert [command.split()[-1] for command in commands] == ["0.0005", "0.002"]
