"""--device chooses where a command runs; a GPU that is not there is refused in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, SHORT

TRAIN = ["training", "--config_file", "bundles/resnet18_unet/configs/train.json", "--mlflow", "False"]
SEGMENT = ["--config_file", "bundles/resnet18_unet/configs/inference.json"]


@pytest.fixture
def run(sample_of, tmp_path: Path):
    """Return what runs a command of the card on a computer without a GPU."""
    places = ["--dataset_dir", str(sample_of("resnet18_unet")), "--ckpt_dir", str(tmp_path / "run")]
    # An empty list hides the GPUs that there are.
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "monai.bundle", "run", *words, *places]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)

    return start


def test_on_the_cpu_it_trains_and_segments(run, tmp_path: Path) -> None:
    short = [f"--{name}={value}" for name, value in SHORT.items()]
    done = run(*TRAIN, "--device", "cpu", *short)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.pt").is_file()
    done = run(*SEGMENT, "--device", "cpu", "--output_dir", str(tmp_path / "segmented"))
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "segmented").glob("*.tif"))


@pytest.mark.parametrize("words", [TRAIN, SEGMENT], ids=["training", "segmenting"])
def test_a_gpu_that_is_not_there_is_refused_before_anything(run, words: list[str], tmp_path: Path) -> None:
    target = [] if words is TRAIN else ["--output_dir", str(tmp_path / "segmented")]
    done = run(*words, "--device", "cuda", *target)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: --device cuda is a GPU that is not there, torch finds none of NVIDIA here: "
        "give --device cpu, or leave it out"
    )
    assert not list(tmp_path.iterdir())
