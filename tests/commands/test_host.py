"""A program that trains and segments from Python finds everything of its own as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from common.sample import write_sample

ROOT = Path(__file__).parents[2]


def test_a_host_keeps_all_that_is_its_own(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "sample", counts=(2, 1, 1), shape=(48, 48))
    done = subprocess.run(
        [sys.executable, "tests/commands/host_program.py", str(sample), str(tmp_path / "run")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["changed"] == {}
    # What a training needs was there while it trained, and went when it broke as well.
    assert told["during"] == {"broke": True, "denormal numbers": True, "cudnn": [True, False]}
    assert (tmp_path / "run" / "model.pt").is_file() and any((tmp_path / "run" / "segmented").iterdir())
