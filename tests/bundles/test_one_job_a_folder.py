"""Every job of every bundle keeps the folder that it writes to for itself, and leaves those it reads from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from common.files import hold
from common.messages import sentence

from .conftest import without_foundation

NETWORK = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 4, "kernel_size": 1}
BRIGHT = {"_target_": "common.decoders.ComponentsDecoder"}
# A cascade would ask for its first network.
PLAIN = {"prepare_batch": {"_target_": "monai.engines.default_prepare_batch", "_mode_": "callable"}}
JOBS = {"training": "train", "evaluating": "train", "run": "inference"}


@pytest.fixture
def folders(sample_of: Callable[[str], Path], tmp_path: Path) -> dict[str, str]:
    """A data set, a training's folder with weights, and a folder for results inside it."""
    ckpt = tmp_path / "ckpt"
    ckpt.mkdir()
    network = torch.nn.Conv2d(1, 4, 1)
    torch.save(network.state_dict(), ckpt / "model.pt")
    places = {"dataset_dir": sample_of("logsage"), "ckpt_dir": ckpt, "output_dir": ckpt / "out"}
    return {name: str(folder) for name, folder in places.items()}


@pytest.fixture
def run(bundle: str, workflow: Callable[..., Any], folders: dict[str, str]) -> Callable[[str], None]:
    """Run a job of the bundle, with one small layer as its network."""

    def job(name: str) -> None:
        config = JOBS[name]
        more = PLAIN | without_foundation(bundle) if config == "train" else {"overlay": False}
        options = {"channels": 0, "network_def": NETWORK, "decoder": BRIGHT, **more}
        made = workflow(bundle, config, **folders, **options)
        made.initialize()
        # Of a cascade the second stage alone: its first would be trained in full.
        stage2 = f"{name}_stage2"
        made.parser.get_parsed_content(stage2 if stage2 in made.parser else name)

    return job


def _files(folder: str) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in Path(folder).rglob("*") if file.is_file()}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_refused_where_another_writes(
    job: str, run: Callable[[str], None], folders: dict[str, str]
) -> None:
    option = "ckpt_dir" if job == "training" else "output_dir"
    with hold(folders[option], job="another job", option="--any"):
        before = _files(folders["ckpt_dir"])
        with pytest.raises(RuntimeError) as caught:
            run(job)
        assert _files(folders["ckpt_dir"]) == before
    said = sentence(caught.value)
    assert said.startswith(f"{folders[option]} is in use by another job begun at ")
    assert said.endswith(f"wait, stop it, or give another --{option}")


@pytest.mark.parametrize("job", ["evaluating", "run"])
def test_a_training_is_no_obstacle_to_those_who_read_its_weights(
    job: str, run: Callable[[str], None], folders: dict[str, str]
) -> None:
    with hold(folders["ckpt_dir"], job="a training", option="--ckpt_dir"):
        run(job)
    names = {file.name for file in Path(folders["output_dir"]).iterdir()}
    assert names and not {name for name in names if name.startswith("in_use")}
