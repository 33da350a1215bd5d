"""Free memory is what the machine has left, and no more than a container or a cluster's job may take."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from common.devices import free_memory

MEMINFO = "MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\n"


def machine(root: Path, **files: str) -> Path:
    """Write what Linux tells of a machine: `memory_max` stands for sys/fs/cgroup/memory.max."""
    for name, text in {"meminfo": MEMINFO, **files}.items():
        file = root / ("proc/meminfo" if name == "meminfo" else f"sys/fs/cgroup/{name.replace('__', '/')}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_what_can_be_freed_at_once_counts(tmp_path: Path) -> None:
    assert free_memory(root=machine(tmp_path)) == 12_000_000 * 1024


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "8000000000\n", "memory.current": "3000000000\n"}, 5_000_000_000),
        ({"memory.max": "max\n", "memory.current": "3000000000\n"}, 12_000_000 * 1024),
        ({"memory.max": "90000000000\n", "memory.current": "3000000000\n"}, 12_000_000 * 1024),
        ({"memory.max": "1000\n", "memory.current": "3000\n"}, 0),
        (
            {"memory__memory.limit_in_bytes": "4000000000", "memory__memory.usage_in_bytes": "1000000000"},
            3_000_000_000,
        ),
        ({"memory.max": "8000000000\n"}, 12_000_000 * 1024),
    ],
)
def test_the_limit_of_a_container_or_a_job_counts(tmp_path: Path, files: dict, expected: int) -> None:
    assert free_memory(root=machine(tmp_path, **files)) == expected


def test_where_nothing_tells_it_is_the_whole_memory_or_unknown(tmp_path: Path, monkeypatch) -> None:
    if sys.platform != "win32":
        assert (free_memory(root=tmp_path) or 0) > 2**28

    def absent(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", absent, raising=False)
    assert free_memory(root=tmp_path) is None


def test_a_gpu_has_what_the_driver_and_torch_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    assert free_memory("cuda:0") == 5400
    assert free_memory("meta") is None
