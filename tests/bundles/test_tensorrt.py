"""The overlay for TensorRT: MONAI gets arguments that it knows, and without TensorRT labels are the same."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.networks import trt_compiler

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "common" / "configs" / "inference_trt.json"
SOME = ["logsage", "channelnet_cellvit"]


@pytest.fixture
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Weights of the test's bundle, random, and large enough for something to be found."""
    parser = ConfigParser()
    parser.read_config(str(ROOT / "bundles" / request.getfixturevalue("name") / "configs" / "train.json"))
    torch.manual_seed(0)
    state = parser.get_parsed_content("network_def").state_dict()
    for key, value in state.items():
        if value.is_floating_point() and value.ndim > 1:
            state[key] = value + 0.1 * torch.randn(value.shape)
    file = tmp_path / "weights" / "model.pt"
    file.parent.mkdir()
    torch.save(state, file)
    return file


def segment(name: str, sample: Path, weights: Path, output: Path, *overlays: str) -> list[np.ndarray]:
    workflow = ConfigWorkflow(
        config_file=[f"bundles/{name}/configs/inference.json", *overlays], workflow_type="infer",
        logging_file=False, dataset_dir=str(sample / "images"), output_dir=str(output),
        weights=str(weights), device="cpu", overlay=False,
    )  # fmt: skip
    workflow.initialize()
    workflow.run()
    return [tifffile.imread(file) for file in sorted(output.glob("*.tif"))]


@pytest.mark.parametrize("name", SOME)
def test_without_tensorrt_it_only_takes_tiles_of_one_size(
    name: str, sample_of: Any, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    tiles = tmp_path / "tiles.json"
    tiles.write_text(json.dumps({"inferer": json.loads(OVERLAY.read_text())["inferer"]}))
    sample = sample_of(name)
    with_it = segment(name, sample, weights, tmp_path / "a", str(OVERLAY))
    without = segment(name, sample, weights, tmp_path / "b", str(tiles))
    assert len(with_it) == 8 and any(labels.any() for labels in with_it)
    for one, other in zip(with_it, without, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SOME)
def test_monai_compiles_the_prepared_network_beside_its_weights(
    name: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorRT itself is not at hand: what MONAI would be told is."""
    monkeypatch.chdir(ROOT)
    told: list[inspect.BoundArguments] = []
    known = inspect.signature(trt_compiler.TrtCompiler)

    class Compiler:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            told.append(known.bind(*arguments, **options))  # fails for an argument that it does not have

    for place, value in (("trt_imported", True), ("polygraphy_imported", True), ("TrtCompiler", Compiler)):
        monkeypatch.setattr(trt_compiler, place, value)
    parser = ConfigParser()
    parser.read_config([f"bundles/{name}/configs/inference.json", str(OVERLAY)])
    parser["weights"], parser["device"] = str(weights), "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    network = parser.get_parsed_content("network")
    (call,) = told
    assert call.arguments["model"] is network
    assert call.arguments["plan_path"] == f"{weights}.plan"
    assert call.arguments["timestamp"] == int(weights.stat().st_mtime), "other weights, another engine"
    assert call.arguments["fallback"] is True
