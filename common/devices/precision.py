"""The lower precision that makes a network faster on a device, where there is one."""

from __future__ import annotations

import torch

from .cpu_speed import has_fast_bfloat16

__all__ = ["low_precision"]


def low_precision(device: torch.device | str, *, amp: bool = True) -> torch.dtype | None:
    """Return the type of numbers for `torch.autocast`, or None where float32 is best.

    Args:
        device: where the network runs: CUDA takes float16, as MONAI's engines do, a CPU bfloat16 if it has it
            in hardware.
        amp: whether lower precision may be used at all.

    Example:
        >>> low_precision("cuda"), low_precision("cuda", amp=False)
        (torch.float16, None)
    """
    kind = torch.device(device).type
    if not amp:
        return None
    if kind == "cuda":
        return torch.float16
    return torch.bfloat16 if kind == "cpu" and has_fast_bfloat16() else None
