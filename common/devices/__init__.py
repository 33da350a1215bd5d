"""The device that is computed on: which, what is fast on it, its free memory, how results repeat."""

from .choose import choose_device
from .cpu_speed import flushed_denormals, has_fast_bfloat16, tune_cpu
from .memory import free_memory
from .precision import low_precision
from .repeatable import repeatable, seed_all

__all__ = [
    "choose_device",
    "flushed_denormals",
    "free_memory",
    "has_fast_bfloat16",
    "low_precision",
    "repeatable",
    "seed_all",
    "tune_cpu",
]
