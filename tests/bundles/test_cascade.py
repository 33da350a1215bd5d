"""The two stages of the cascade by the bundle's own commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from common.messages import sentence
from common.networks import CascadedUNet

from .conftest import ROOT

NAME = "cascaded_unet"


@pytest.fixture
def run(
    workflow: Callable[..., Any], sample_of: Callable[[str], Path], tmp_path: Path
) -> Callable[..., None]:
    """Run one of the bundle's jobs, with two folds in stage one."""

    def job(name: str, **options: Any) -> None:
        places = {"dataset_dir": str(sample_of(NAME)), "ckpt_dir": str(tmp_path / "ckpt")}
        made = workflow(NAME, stage1_folds=2, **places, **options)
        made.initialize()
        made.parser.get_parsed_content(name)

    return job


def weights(file: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(file, weights_only=True))


def test_training_does_what_is_missing_in_order(run: Callable[..., None], tmp_path: Path):
    stage1 = tmp_path / "ckpt" / "stage1"
    run("training_stage1")
    files = [stage1 / part / "model.pt" for part in ("fold_0", "fold_1", "all")]
    written = [file.stat().st_mtime_ns for file in files]
    assert not (tmp_path / "ckpt" / "model.pt").exists()
    run("training")
    assert [file.stat().st_mtime_ns for file in files] == written, "stage one was trained again"
    run("training", resume=True, epochs=2, patience=60)
    assert [file.stat().st_mtime_ns for file in files] == written, "continued, stage one was trained again"
    assert torch.load(tmp_path / "ckpt" / "last.pt", weights_only=True)["epoch"] == 2
    whole, first = weights(tmp_path / "ckpt" / "model.pt"), weights(files[-1])
    assert all(torch.equal(value, whole[f"first.{name}"]) for name, value in first.items())
    dealt = json.loads((stage1 / "folds.json").read_text())
    lists = [next((file.parent / "data").glob("*/dataset.json")) for file in files]
    seen = [{item["image"] for item in json.loads(file.read_text())["training"]} for file in lists]
    assert len(seen[2]) == 4 and seen[0] | seen[1] == seen[2] and not seen[0] & seen[1] and len(dealt) == 4


def test_the_second_stage_alone_says_what_is_missing(run: Callable[..., None]):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - ignite may wrap it
        run("training_stage2")
    assert "stage one is not trained" in sentence(caught.value)


def test_the_first_network_is_that_of_the_weighted_unet():
    """So that the weights of one fit into the other."""
    both = [
        json.loads((ROOT / "bundles" / name / "configs" / "train.json").read_text())
        for name in (NAME, "weighted_unet")
    ]
    assert both[0]["network_def"]["first"] == both[1]["network_def"]
    shared = (
        "border_weight",
        "border_sigma_px",
        "border_classes",
        "crop_px",
        "batch_size",
        "learning_rate",
        "intensity",
    )
    assert [both[0][key] for key in shared] == [both[1][key] for key in shared]


def test_the_default_network_is_the_bundles():
    definition = json.loads((ROOT / "bundles" / NAME / "configs" / "train.json").read_text())["network_def"]
    own = CascadedUNet().second.state_dict()
    assert definition["second"]["in_channels"] == 4
    assert own["encoder.features.0.weight"].shape[:2] == (definition["second"]["width"], 4)
