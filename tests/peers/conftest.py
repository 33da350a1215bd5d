"""A package of others, of some lines, that learns how bright nuclei are; its environment is this one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import scripts.peers
from common.peers import read_peer
from common.sample import write_sample

ADAPTER = """
import json
from pathlib import Path

import numpy as np
from scipy import ndimage

PACKAGES = ["numpy"]
CALLS = Path(__file__).with_name("calls.txt")


def called(what):
    with CALLS.open("a") as file:
        file.write(what + chr(10))


def train(pairs, validation, job, clock):
    called(f"train {len(pairs)} {len(validation)} seed {job['seed']} threads {job['threads']}")
    steps = 0
    while not clock.over(steps):
        steps += 1
    inside = np.concatenate([image[label > 0].ravel() for image, label in pairs])
    outside = np.concatenate([image[label == 0].ravel() for image, label in pairs])
    cut = float(np.median(inside) + np.median(outside)) / 2
    Path(job["folder"], "weights.json").write_text(json.dumps(cut))
    return {"parameters": 1, "steps": steps, "history": [{"train_loss": 2.0}, {"train_loss": 1.0}]}


def load(job):
    weights = Path(job["folder"], "weights.json")
    cut = json.loads((weights if weights.is_file() else Path(job["pretrained"])).read_text())

    def segment(image, pixel_size_um=None):
        called(f"segment {image.shape}")
        if CALLS.with_name("stop").is_file() and len(CALLS.read_text().splitlines()) > 3:
            raise RuntimeError("the rays crossed")
        plane = image if image.ndim == 2 else image[..., 0]
        return ndimage.label(plane > cut)[0]

    return segment
"""


class Fake:
    """The folder of the package, and what it was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "fake"
        self.folder.mkdir(parents=True)
        self.tell(says="A threshold", trains=True)
        (self.folder / "requirements.txt").write_text("")
        (self.folder / "adapter.py").write_text(ADAPTER)
        runner = Path(__file__).parents[2] / "peers" / "run_adapter.py"
        (folder / "run_adapter.py").write_bytes(runner.read_bytes())

    def tell(self, **told: Any) -> None:
        """Write peer.json."""
        (self.folder / "peer.json").write_text(json.dumps(told))

    @property
    def calls(self) -> list[str]:
        """What its functions were called with, in order."""
        file = self.folder / "calls.txt"
        return file.read_text().splitlines() if file.is_file() else []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The package, known to the command under the name `fake`."""
    made = Fake(tmp_path / "peers")
    monkeypatch.setattr(scripts.peers, "read_peer", partial(read_peer, peers=tmp_path / "peers"))
    monkeypatch.setattr(scripts.peers, "make_environment", lambda peer, root: Path(sys.executable))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A data set of small images."""
    return write_sample(tmp_path / "cells", counts=(3, 1, 2), shape=(96, 80))


@pytest.fixture
def run(fake: Fake, images: Path) -> Callable[..., Path]:
    """The command on these images."""
    return partial(scripts.peers.peers, "fake", dataset_dir=str(images), threads=1)
