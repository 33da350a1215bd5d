"""A training that is killed again and again, at any moment, ends with the weights of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from common.sample import write_sample

ROOT = Path(__file__).parents[3]
KILLS = 20
NETWORK = {
    "_target_": "common.networks.LoGSAGE",
    **{"in_channels": 1, "out_channels": 4, "saliency_features": [2, 2, 2, 2, 4, 4]},
    **{"embed_dim": 6, "depths": [1, 1, 1], "num_heads": [1, 1, 1], "dropout": 0.2},
}
SETTINGS = {
    **{"epochs": 60, "steps_per_epoch": 3, "batch_size": 2, "crop_px": 64, "warmup_epochs": 1},
    **{"ema_decay": 0.9, "patience": 1000, "select_by": "val_loss", "network_def": NETWORK},
}


def _start(folder: Path, sample: Path) -> subprocess.Popen[str]:
    overlay = folder.parent / "short.json"
    overlay.write_text(json.dumps({**SETTINGS, "dataset_dir": str(sample), "resume": True}))
    files = ["bundles/logsage/configs/train.json", overlay.as_posix()]
    uri = f"sqlite:///{(folder.parent / 'mlruns.db').as_posix()}"
    return subprocess.Popen(
        [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(files)]
        + ["--ckpt_dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": uri, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _epochs(process: subprocess.Popen[str]) -> Iterator[float]:
    """Yield at the end of each epoch how many seconds the process has been running."""
    begin = time.monotonic()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch "):
            yield time.monotonic() - begin


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


@pytest.mark.long
def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    import mlflow

    sample = write_sample(tmp_path / "sample", counts=(3, 2, 1), shape=(96, 80))
    with _start(tmp_path / "whole", sample) as process:
        seconds = list(_epochs(process))
    assert process.returncode == 0
    an_epoch = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    rng = random.Random(0)
    epochs = []
    last = tmp_path / "killed" / "last.pt"
    for _ in range(KILLS):
        with _start(tmp_path / "killed", sample) as process:
            # While it starts, or some time after the first or the second epoch.
            wanted = rng.randrange(3)
            for _ in islice(_epochs(process), wanted):
                pass
            time.sleep(rng.uniform(0, an_epoch if wanted else seconds[0]))
            assert process.poll() is None, "over before all kills: give more epochs"
            process.kill()
        epochs.append(torch.load(last, weights_only=True)["epoch"] if last.is_file() else 0)
    print(f"killed {KILLS} times; epochs kept after each: {epochs}; an epoch took {an_epoch:.2f} s")
    with _start(tmp_path / "killed", sample) as process:
        assert list(_epochs(process))
    assert process.returncode == 0

    assert epochs == sorted(epochs) and len(set(epochs)) > 1
    for name in ("model.pt", "last.pt"):
        one, other = (torch.load(tmp_path / who / name, weights_only=True) for who in ("whole", "killed"))
        for each in (one, other):
            each.pop("settings", None)
            each.pop("mlflow_run_id", None)
        assert _same(one, other), name
    assert not list((tmp_path / "killed").glob(".*"))

    client = mlflow.MlflowClient(f"sqlite:///{(tmp_path / 'mlruns.db').as_posix()}")
    (experiment,) = [found for found in client.search_experiments() if found.name != "Default"]
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
    assert len(runs) == 2
    for name in ("train_loss", "pq_pooled"):
        one, other = (
            [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
            for run in runs
        )
        assert one == other and [step for step, _ in one] == list(range(1, SETTINGS["epochs"] + 1))
