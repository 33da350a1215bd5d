"""The processor: what is fast on it, and how it is set up."""

from .cpu_speed import has_fast_bfloat16, tune_cpu
from .precision import low_precision

__all__ = ["has_fast_bfloat16", "low_precision", "tune_cpu"]
