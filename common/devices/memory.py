"""How much memory of a device is free for what comes next."""

from __future__ import annotations

import os
from pathlib import Path

import torch

__all__ = ["free_memory"]

# Where Linux tells: of the machine, and of the group of processes (a container, a job) that this one
# belongs to, in both versions: limit, what is used.
_MACHINE = "proc/meminfo"
_GROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory(device: torch.device | str = "cpu", *, root: str | os.PathLike[str] = "/") -> int | None:
    """Return how many bytes are free on a device, or None where that cannot be seen.

    On a GPU: what the driver has left, and what torch holds without using it. On the CPU of Linux: what is
    free or can be freed at once, and no more than the limit of a container or a cluster's job leaves; swap is
    not counted. On other systems: the whole memory, if the system tells.

    Args:
        device: a CPU or a CUDA GPU.
        root: where the system's files lie; for tests.

    Example:
        >>> free = free_memory("cpu")
        >>> free is None or free > 2**20
        True
    """
    device = torch.device(device)
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + unused)
    if device.type != "cpu":
        return None
    found = [_available(Path(root) / _MACHINE)]
    for limit, used in _GROUPS:
        sizes = [_number(Path(root) / file) for file in (limit, used)]
        if sizes[0] is not None and sizes[1] is not None:
            found.append(max(0, sizes[0] - sizes[1]))
    known = [size for size in found if size is not None]
    return min(known) if known else _whole_memory()


def _available(file: Path) -> int | None:
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    # "MemAvailable:   12345 kB"
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _number(file: Path) -> int | None:
    try:
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # "max": there is no limit.
    return int(text) if text.isdecimal() else None


def _whole_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has none of it
        return None
