"""A grid that is killed at random moments ends in the same table as one that is left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import write_table

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL, and no groups of processes"),
]
KILLS = 10
RESULTS = ("table.md", "table.csv", "cells.csv")


def start(images: Path, output: str) -> subprocess.Popen[str]:
    words = ["logsage", "--table", "tiny", "--dataset_dir", str(images), "--output", output]
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.reproduce", *words, "--mlflow", "False"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def results(output: str) -> dict[str, bytes]:
    (folder,) = Path(output).glob("logsage/tiny/*")
    return {name: (folder / name).read_bytes() for name in RESULTS}


def test_ten_kills_change_no_byte_of_the_table(place: Path, images: Path, content: dict[str, Any]) -> None:
    content["budgets"]["short"] |= {"epochs": 6, "steps_per_epoch": 10, "learning_rate": 0.01}
    content["rows"].append({"name": "c", "options": {"network_def::use_saliency": False}})
    write_table(place, content)
    begun = time.monotonic()
    uncut = start(images, "uncut")
    said, _ = uncut.communicate()
    assert uncut.returncode == 0, said
    whole = time.monotonic() - begun

    chance = random.Random(0)
    for number in range(KILLS):
        grid = start(images, "killed")
        try:
            # Kills come early and late, so that they meet the start, a training, an evaluation, the table.
            grid.communicate(timeout=chance.uniform(0.05, 0.5) * whole)
        except subprocess.TimeoutExpired:
            # As in a power cut, or as by a scheduler that knows the grid alone: its training then lives on.
            if number % 3:
                os.killpg(grid.pid, signal.SIGKILL)
            else:
                grid.kill()
            grid.communicate()
    last = start(images, "killed")
    said, _ = last.communicate()
    assert last.returncode == 0, said
    assert results("killed") == results("uncut")
    assert b",0.000000" not in results("uncut")["cells.csv"], "nothing was learned: all would be the same"
