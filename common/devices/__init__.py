"""The device that is computed on: which, what is fast on it, and how it is set up."""

from .choose import choose_device
from .cpu_speed import has_fast_bfloat16, tune_cpu

__all__ = ["choose_device", "has_fast_bfloat16", "tune_cpu"]
