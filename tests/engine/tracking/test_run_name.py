"""Tests of what runs are called."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import monai.bundle
import pytest

from common.bundle_config import running_config
from common.engine.tracking.run_name import run_name

OWN = {
    **{"learning_rate": 0.002, "seed": 0, "epochs": 60, "amp": True, "pretrained": None, "channels": 0},
    **{"weights": None, "ckpt_dir": "runs/toy", "dataset_dir": "data", "network_def": {"sigmas": [9]}},
    **{"stage1_epochs": 3, "initialize": [], "run": ["$@_note()"]},
}


@pytest.fixture
def name_of(tmp_path: Path) -> Any:
    """Return the name of a run that is started by MONAI's command with some options."""

    def name(*overlays: dict[str, Any], job: str = "training", **options: Any) -> str:
        files = [tmp_path / "train.json", *(tmp_path / f"variant_{n}.json" for n in range(len(overlays)))]
        for file, content in zip(files, ({**OWN, "_note": None}, *overlays), strict=True):
            file.write_text(json.dumps(content))
        found: list[str] = []

        class Note:
            def __call__(self) -> None:
                found.append(run_name("toy", job, running_config()))

        monai.bundle.run(
            config_file=[str(file) for file in files], logging_file=False, _note=Note(), **options
        )
        return found[0]

    return name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 1, "learning_rate": 0.001}, "lr 0.001 seed 1"),
        ({"learning_rate": 0.001, "seed": 0}, "lr 0.001"),
        ({"amp": False, "channels": "DAPI"}, "no amp channels DAPI"),
        ({"network_def::sigmas": [6, 9], "seed": 1}, "seed 1 sigmas [6, 9]"),
        ({"pretrained": "runs/other/model.pt"}, "pretrained other"),
        ({"pretrained": "imagenet"}, "pretrained imagenet"),
        ({"network_def": {"sigmas": [4]}}, "network def"),
        ({"ckpt_dir": "elsewhere", "dataset_dir": "mine", "epochs": 5}, "epochs 5"),
        ({"stage1_epochs": 9}, "stage1 epochs 9"),
    ],
)
def test_what_was_changed_is_the_name(name_of, options, words):
    assert name_of(**options) == f"toy {words}"


def test_nothing_changed_is_the_time(name_of):
    for options in ({}, {"seed": 0}, {"ckpt_dir": "elsewhere"}):
        assert re.fullmatch(r"toy \d{4}-\d\d-\d\d \d\d:\d\d", name_of(**options))


def test_overlays_come_by_their_names(name_of):
    assert name_of({"learning_rate": 1.0}, {"seed": 3}, epochs=5) == "toy variant_0+variant_1 epochs 5"


def test_an_evaluation_tells_of_which_list_and_weights(name_of):
    assert name_of(job="test", weights="runs/lr3/model.pt") == "toy test of lr3"
    assert name_of(job="validation", ckpt_dir="runs/lr4", seed=1) == "toy validation of lr4 seed 1"
    assert re.fullmatch(r"toy test \d{4}-.*", name_of(job="test"))


def test_many_changes_are_cut_between_words(name_of):
    name = name_of(
        seed=1, epochs=7, channels="a channel with a long name", pretrained="a_long_name_of_a_file"
    )
    assert name == "toy seed 1 epochs 7 pretrained a_long_name_of_a_file ..."
    assert len(name) <= 60


def test_a_program_without_a_command_has_names_too(client, train, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlruns.db")
    train(tmp_path / "run", epochs=1, mlflow=True)
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert run.info.run_name.startswith("logsage network def ") and "epochs 1" in run.info.run_name
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == client.get_experiment(run.info.experiment_id).name
    assert given.dataset.digest == run.data.tags["data_fingerprint"]
    assert json.loads(given.dataset.profile) == {"images": 6}
