"""Segmenting needs neither MLflow nor anything else that only training or evaluating needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from .conftest import ROOT

# The packages that no room of segmenting may need. MONAI itself imports those that it finds, so that they are
# hidden from all: who asks for one of them fails.
HIDDEN = ("mlflow", "matplotlib", "sqlalchemy", "requests", "pandas")
ROOMS = {"losses", "metrics", "conversions", "figures", "sample"}
ENGINE_ROOMS = {"segmentation", "trained"}
COMMAND = f"""
import atexit, pathlib, runpy, sys
sys.modules.update(dict.fromkeys({HIDDEN}))
told = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: told.write_text("\\n".join(sys.modules)))
runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("name", ["logsage", "cascaded_unet"])
def test_segmenting_imports_only_what_it_needs(name: str, sample: Path, tmp_path: Path):
    config = f"bundles/{name}/configs/inference.json"
    parser = ConfigParser()
    parser.read_config(ROOT / config)
    weights = tmp_path / "random.pt"
    torch.save(parser.get_parsed_content("network_def").state_dict(), weights)
    (image, *_) = sorted((sample / "images").iterdir())

    options = ["--dataset_dir", str(image), "--weights", str(weights), "--output_dir", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path / "told"), "run", "--config_file", config, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "out" / f"{image.stem}.tif").is_file()

    modules = [module.split(".") for module in (tmp_path / "told").read_text().splitlines()]
    own = [module[1:] for module in modules if module[0] == "common" and len(module) > 1]
    rooms = {room for room, *_ in own}
    assert {"readers", "networks", "decoders", "engine"} <= rooms  # the command was seen at work
    assert not rooms & ROOMS
    assert {module[1] for module in own if module[0] == "engine" and len(module) > 1} == ENGINE_ROOMS
