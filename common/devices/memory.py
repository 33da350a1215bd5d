"""How much memory this process can still get, of the machine and of a GPU."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

import torch

__all__ = ["available_memory", "free_memory"]


def free_memory(device: torch.device | str = "cpu") -> int | None:
    """Return the bytes that are free on a device, or None where that cannot be seen.

    On a GPU: what the driver has left, and what torch holds without using it. On the CPU: `available_memory`,
    and what the C library holds without using it, which `tune_cpu` lets it keep.

    Args:
        device: a CPU or a CUDA GPU.

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
    available = available_memory()
    return None if available is None else available + _unused_heap()


def available_memory() -> int | None:
    """Return the memory in bytes that is available now, or None where the system does not tell.

    On Linux what can be had without swapping, or less where the job has a limit of its own (a container, a
    cluster's job); on Windows the free physical memory; on macOS, which frees on demand, all there is.

    Example:
        >>> memory = available_memory()
        >>> memory is None or memory > 0
        True
    """
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "linux":
            return _linux()
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _unused_heap() -> int:
    """Return the bytes that glibc has of the system and the program has given back; 0 elsewhere."""

    class Info(ctypes.Structure):
        """mallinfo2 of malloc.h."""

        _fields_ = [
            (name, ctypes.c_size_t)
            for name in (
                *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
                *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
            )
        ]

    if not sys.platform.startswith("linux"):
        return 0
    try:
        ask = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):  # musl, or a glibc older than 2.33
        return 0
    ask.restype = Info
    return int(ask().fordblks)


def _linux(root: Path = Path("/")) -> int | None:
    found = re.search(r"MemAvailable:\s+(\d+) kB", (root / "proc/meminfo").read_text("ascii"))
    free = int(found[1]) * 1024 if found else None
    limited = [left for left in _left_in_groups(root) if left >= 0]
    return min([*limited, *([] if free is None else [free])], default=None)


def _left_in_groups(root: Path) -> list[int]:
    """Return what each control group around this process leaves of its limit (both versions of them)."""
    groups = root / "proc/self/cgroup"
    left = []
    for line in groups.read_text("utf-8").splitlines() if groups.is_file() else []:
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        version = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        base = root / "sys/fs/cgroup/memory"
        if not controllers:
            version, base = ("memory.max", "memory.current", "inactive_file"), root / "sys/fs/cgroup"
        place = base / group.lstrip("/")
        for folder in (place, *place.parents):
            left.append(_left_in(folder, *version))
            if folder == base:
                break
    return left


def _left_in(folder: Path, limit: str, usage: str, cache: str) -> int:
    """Return the bytes that one group leaves, -1 where it has no limit; cached files count as free."""
    try:
        most, used = (int((folder / name).read_text("ascii")) for name in (limit, usage))
        found = re.search(rf"^{cache} (\d+)$", (folder / "memory.stat").read_text("ascii"), re.M)
    except (OSError, ValueError):  # no such file, or the word "max"
        return -1
    return max(0, most - used + (int(found[1]) if found else 0))


def _windows() -> int | None:
    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("dwLength", ctypes.c_ulong),
            ("dwMemoryLoad", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("ullTotalPhys", "ullAvailPhys", "ullTotalPageFile")),
            *((name, ctypes.c_ulonglong) for name in ("ullAvailPageFile", "ullTotalVirtual")),
            *((name, ctypes.c_ulonglong) for name in ("ullAvailVirtual", "ullAvailExtendedVirtual")),
        ]

    status = Status(dwLength=ctypes.sizeof(Status))
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    return int(status.ullAvailPhys) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
