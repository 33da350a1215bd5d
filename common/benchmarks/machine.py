"""On what times were taken: processor, what it multiplies fast, cores, threads, how busy it is, versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = ["describe_machine"]

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def describe_machine(cpuinfo: str | Path = "/proc/cpuinfo") -> dict[str, Any]:
    """Return what a time depends on, by name.

    Args:
        cpuinfo: where Linux tells the processor's name and flags; elsewhere there are none.
    """
    processor, flags = platform.processor() or platform.machine(), ""
    if Path(cpuinfo).is_file():
        told: dict[str, str] = {}
        for line in Path(cpuinfo).read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            told.setdefault(name.strip(), value.strip())
        processor = told.get("model name", processor)
        flags = " ".join(flag for flag in _FLAGS if flag in told.get("flags", "").split())
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor,
        "flags": flags or "not told",
        "cores": usable,
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
