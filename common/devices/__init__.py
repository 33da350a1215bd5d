"""The processor: what is fast on it, how it is set up, and under which settings results repeat."""

from .cpu_speed import flushed_denormals, has_fast_bfloat16, tune_cpu
from .repeatable import repeatable, seed_all

__all__ = ["flushed_denormals", "has_fast_bfloat16", "repeatable", "seed_all", "tune_cpu"]
