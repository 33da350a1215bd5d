"""The device that a network runs on, by the name that a person or a program gives."""

from __future__ import annotations

import torch

__all__ = ["choose_device"]


def choose_device(device: torch.device | str | int) -> torch.device:
    """Return a device that this computer has.

    Args:
        device: "cpu", "cuda", "cuda:1" ..., or the number of a GPU.

    Raises:
        ValueError: there is no device of that name, or this computer has none.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
        >>> choose_device("gpu")
        Traceback (most recent call last):
        ValueError: --device gpu is no device: write cpu, cuda or cuda:0
    """
    count = torch.cuda.device_count()
    if isinstance(device, int) and not isinstance(device, bool):
        device = f"cuda:{device}"
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"--device {device} is no device: write cpu, cuda or cuda:0") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= count:
        has = f"torch finds {count} of NVIDIA here" if count else "torch finds none of NVIDIA here"
        raise ValueError(f"--device {device} is a GPU that is not there, {has}: {_mend(count)}")
    return chosen


def _mend(count: int) -> str:
    return f"give a number below {count}, such as cuda:0" if count else "give --device cpu, or leave it out"
