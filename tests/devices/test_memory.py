"""The memory that is left: what the system says, or less where the job has a limit of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common.devices import available_memory, free_memory, memory

GIB = 2**30


def system(root: Path, *, available_kb: int, groups: str = "") -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: 999999999 kB\nMemAvailable:   {available_kb} kB\n")
    (root / "proc/self/cgroup").write_text(groups)
    return root


def group(folder: Path, limit: str, usage: int, names: tuple[str, str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{usage}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {GIB}\n")


SECOND = ("memory.max", "memory.current", "inactive_file")
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_this_computer_has_some() -> None:
    left = available_memory()
    assert left is not None and 2**20 < left < 2**50


def test_what_linux_says(tmp_path: Path) -> None:
    assert memory._linux(system(tmp_path, available_kb=8 * 2**20)) == 8 * GIB


@pytest.mark.parametrize(
    ("limit", "expected"), [(str(4 * GIB), 2), ("max", 8), (str(64 * GIB), 8), (str(GIB), 0)]
)
def test_a_limit_of_a_container_counts(tmp_path: Path, limit: str, expected: int) -> None:
    root = system(tmp_path, available_kb=8 * 2**20, groups="0::/\n")
    group(root / "sys/fs/cgroup", limit, 3 * GIB, SECOND)  # a GiB of it are cached files
    assert memory._linux(root) == expected * GIB


def test_a_limit_of_a_job_above_its_steps_counts(tmp_path: Path) -> None:
    root = system(tmp_path, available_kb=64 * 2**20, groups="0::/jobs/17/step\n")
    group(root / "sys/fs/cgroup/jobs/17", str(16 * GIB), 3 * GIB, SECOND)
    group(root / "sys/fs/cgroup/jobs/17/step", "max", GIB, SECOND)
    assert memory._linux(root) == 14 * GIB


@pytest.mark.parametrize(("limit", "expected"), [(str(6 * GIB), 4), ("9223372036854771712", 8)])
def test_the_first_version_of_control_groups(tmp_path: Path, limit: str, expected: int) -> None:
    root = system(tmp_path, available_kb=8 * 2**20, groups="9:cpu,memory:/job\n3:cpuset:/\n")
    group(root / "sys/fs/cgroup/memory/job", limit, 3 * GIB, FIRST)
    assert memory._linux(root) == expected * GIB


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> int:
        raise OSError("no such file")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory, "_linux", silent)
    assert available_memory() is None


def test_a_gpu_has_what_the_driver_and_torch_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    assert free_memory("cuda:0") == 5400
    assert free_memory("meta") is None


def test_a_cpu_has_what_is_available_and_what_the_c_library_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 7)
    monkeypatch.setattr(memory, "_unused_heap", lambda: 5)
    assert free_memory("cpu") == 12
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert free_memory("cpu") is None


HEAP = """
import torch
from common.devices import tune_cpu
from common.devices.memory import _unused_heap
tune_cpu()
before = _unused_heap()
torch.ones(50_000_000)
print(_unused_heap() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone keeps memory by our settings")
def test_memory_that_tune_cpu_keeps_counts_as_free() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAP],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert 0.9 * 200e6 < int(done.stdout) < 1.2 * 200e6
