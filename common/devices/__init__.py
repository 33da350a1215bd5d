"""The device that is computed on: which, its speed and memory, how it is set up, how results repeat."""

from .choose import choose_device
from .cpu_speed import flushed_denormals, has_fast_bfloat16, tune_cpu
from .memory import available_memory, free_memory
from .precision import low_precision
from .repeatable import repeatable, seed_all

__all__ = [
    "available_memory",
    "choose_device",
    "flushed_denormals",
    "free_memory",
    "has_fast_bfloat16",
    "low_precision",
    "repeatable",
    "seed_all",
    "tune_cpu",
]
