"""Two trainings in one folder, by the bundle's own command: the second is refused while the first lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
import torch

from common.engine.training import FirstStage
from common.files import InUseError, hold
from common.sample import write_sample

ROOT = Path(__file__).parents[3]
NETWORK = {
    "_target_": "common.networks.LoGSAGE",
    **{"in_channels": 1, "out_channels": 4, "saliency_features": [2, 2, 2, 2, 4, 4]},
    **{"embed_dim": 6, "depths": [1, 1, 1], "num_heads": [1, 1, 1]},
}
# Longer than anything here takes: it ends by a signal.
SETTINGS = {
    **{"epochs": 100_000, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "warmup_epochs": 0},
    **{"patience": 100_000, "network_def": NETWORK, "mlflow": False, "num_workers": 2},
}


class Command:
    """A training by the bundle's command, in a process of its own."""

    def __init__(self, place: Path, *words: str, **environment: str) -> None:
        files = ["bundles/logsage/configs/train.json", (place / "short.json").as_posix()]
        job = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(files)]
        self.process = subprocess.Popen(
            [*job, "--ckpt_dir", str(place / "ckpt"), *words],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, beginning: str) -> None:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith(beginning):
                return
        pytest.fail("".join(lines[-20:]))

    def end(self) -> tuple[int, list[str]]:
        out, _ = self.process.communicate(timeout=300)
        return self.process.returncode, out.splitlines()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    sample = write_sample(place / "sample", counts=(3, 2, 1), shape=(96, 80))
    (place / "short.json").write_text(json.dumps({**SETTINGS, "dataset_dir": str(sample)}))
    return place


def test_the_second_is_refused_and_touches_nothing_until_the_first_is_killed(place: Path) -> None:
    ckpt = place / "ckpt"
    first = Command(place)
    try:
        first.wait_for("epoch 2")
        begun = (ckpt / "train.json").read_text()
        code, lines = Command(place, "--learning_rate", "0.5").end()
        assert code == 1
        assert lines[-1].startswith(f"error: {ckpt} is in use by a training begun at 20")
        assert lines[-1].endswith(f"(process {first.process.pid}): wait, stop it, or give another --ckpt_dir")
        assert (ckpt / "train.json").read_text() == begun
        assert not list(ckpt.glob("20*")), "nothing was moved aside"
        assert first.process.poll() is None
    finally:
        first.process.kill()  # as by a power cut, with two workers
        first.end()

    epoch = torch.load(ckpt / "last.pt", weights_only=True)["epoch"]
    code, lines = Command(place, "--resume", "True", "--epochs", str(epoch + 1)).end()
    assert code == 0, lines[-5:]
    assert torch.load(ckpt / "last.pt", weights_only=True)["epoch"] == epoch + 1
    assert not list(ckpt.glob("in_use*"))


def test_torchrun_is_refused(place: Path) -> None:
    code, lines = Command(place, WORLD_SIZE="2").end()
    assert code == 1
    assert lines[-1].startswith("error: WORLD_SIZE is 2: training in several processes is not built")


class Lists:
    """Two images, one in each fold."""

    def fingerprint(self) -> str:
        return "f1"

    def deal_training(self, folds: int) -> dict[str, int]:
        return {"a.png": 0, "b.png": 1}

    def write_lists(self, folder: Path, *, left_out: Collection[str] = ()) -> list[str]:
        return [str(folder)]


def test_a_first_stage_keeps_the_cascades_folder_and_each_training_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = []

    def run(run_id: str, *, ckpt_dir: str, **options: Any) -> None:
        with pytest.raises(InUseError), hold(tmp_path, job="a training", option="--ckpt_dir"):
            pass
        with hold(ckpt_dir, job="a training", option="--ckpt_dir"):
            own.append(Path(ckpt_dir).name)

    monkeypatch.setattr(monai.bundle, "run", run)
    monkeypatch.setattr("common.files.lock._WAIT_SECONDS", 0.05)
    (tmp_path / "other.json").write_text("{}")
    config = {"network_def": {"first": {}}}
    stage = FirstStage(
        str(tmp_path / "other.json"), lists=Lists(), ckpt_dir=tmp_path, epochs=1, folds=2, config=config
    )
    with hold(tmp_path, job="a training", option="--ckpt_dir"), pytest.raises(InUseError):
        stage.train()
    assert not own and not (tmp_path / "stage1").exists()
    stage.train()
    assert own == ["fold_0", "fold_1", "all"]
