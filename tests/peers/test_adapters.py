"""What every adapter promises, read from its text; run in its own environment where that may take long."""

from __future__ import annotations

import ast
import json
import math
import re
import sys
from pathlib import Path

import pytest
import torch

from common.peers import Peer, peer_names, read_peer
from common.sample import write_sample
from scripts.peers import peers

ROOT = Path(__file__).resolve().parents[2]
EVERY = [read_peer(name) for name in peer_names()]


def functions(peer: Peer) -> dict[str, list[str]]:
    tree = ast.parse(peer.adapter.read_text("utf-8"))
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("peer", EVERY, ids=lambda peer: peer.name)
def test_an_adapter_has_what_the_runner_calls(peer: Peer) -> None:
    found = functions(peer)
    assert found["load"] == ["job"]
    assert ("train" in found) == peer.trains
    if peer.trains:
        assert found["train"] == ["pairs", "validation", "job", "clock"]
    else:
        assert peer.needs and "--pretrained" in peer.needs, "say where its weights are"


@pytest.mark.parametrize("peer", EVERY, ids=lambda peer: peer.name)
def test_an_adapter_imports_what_its_requirements_name(peer: Peer) -> None:
    names = {"instanseg": "instanseg-torch", "segment_anything": "segment-anything"}
    brought = {"csbdeep": "stardist", "keras": "tensorflow"}  # by a package that is named
    text = peer.requirements.read_text("utf-8")
    named = set(re.findall(r"^([\w-]+)", re.sub(r"(?m)^#.*", "", text), re.M))
    tree = ast.parse(peer.adapter.read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    others = imported - set(sys.stdlib_module_names) - {"numpy"}
    missing = {name for name in others if names.get(name, brought.get(name, name)) not in named}
    assert not missing and "common" not in imported
    assert peer.name in {re.sub("-torch|-anything|segment-anything", "", name) for name in named} | {"sam"}
    assert re.search(r"^[\w-]+==\d", text, re.M), "the package itself is pinned"


def test_the_runner_needs_numpy_alone() -> None:
    tree = ast.parse((ROOT / "peers/run_adapter.py").read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.long
@pytest.mark.parametrize("name", [peer.name for peer in EVERY if peer.trains])
def test_the_real_package_trains_and_segments(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps in the package's own environment, which is made on first use and needs the network."""
    monkeypatch.chdir(tmp_path)
    images = write_sample(tmp_path / "cells", counts=(3, 2, 2), shape=(256, 256))
    report = peers(name, dataset_dir=str(images), steps=2, threads=1, output=str(ROOT / "runs/peers"))
    told = json.loads((report / "metrics.json").read_text("utf-8"))
    assert len(told["images"]) == 2 and told["cost"]["parameters"] > 1e5
    assert math.isfinite(told["cost"]["images_per_second"])


class Bright(torch.nn.Module):
    """What InstanSeg's class asks of a published model; it finds what is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.pixel_size = 0.5
        self.cells_and_nuclei = True
        self.level = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, image, target_segmentation):  # type: ignore[no-untyped-def]
        """Return a label map for nuclei and one for cells, or one of them."""
        found = (image.mean(1, keepdim=True) > self.level).float()
        return torch.cat([found, 2 * found], 1) if int(target_segmentation.sum()) == 2 else found


@pytest.mark.long
def test_the_real_instanseg_runs_a_torchscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "instanseg.pt"
    torch.jit.script(Bright()).save(str(weights))
    images = write_sample(tmp_path / "cells", counts=(1, 1, 2), shape=(96, 80))
    options = {"dataset_dir": str(images), "threads": 1, "output": str(ROOT / "runs/peers")}
    report = peers("instanseg", pretrained=str(weights), **options)
    told = json.loads((report / "metrics.json").read_text("utf-8"))
    assert (
        told["dice_mean"] > 0.3 and told["cost"]["parameters"] == 1 and "training_seconds" not in told["cost"]
    )
