"""Weights as they are released: nothing but the network's tensors, in half precision."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from ..engine.trained.weights import read_weights
from ..files import write_whole

__all__ = ["MAX_BYTES", "write_half_precision"]

MAX_BYTES = 16 * 2**20
"""Largest file of weights that lies in the repository."""


def write_half_precision(weights: Path, file: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Write a plain state dict in half precision; counters stay whole numbers.

    A tensor with a number that half precision does not reach, above 65504, stays in single precision: a
    variance that batch norm remembers may be so large. The same weights give the same bytes.

    Args:
        weights: a file of weights, or a checkpoint.
        file: what is written.
        max_bytes: the largest that it may become.

    Returns:
        The file.

    Raises:
        FileNotFoundError: if there is no such file of weights.
        ValueError: if it holds no weights, if one is not finite, or if they are too many.
    """
    halves = {}
    for name, value in read_weights(weights).items():
        if not torch.isfinite(value).all():
            raise ValueError(
                f"{weights}: {name} holds numbers that are not finite: choose another checkpoint"
            )
        half = value.half() if value.is_floating_point() else value.clone()
        halves[name] = half if torch.isfinite(half).all() else value.float()
    memory = io.BytesIO()  # torch writes a file's name into it
    torch.save(halves, memory)
    content = memory.getvalue()
    if len(content) > max_bytes:
        raise ValueError(
            f"{weights} takes {len(content) / 2**20:.3g} MiB in half precision, and at most"
            f" {max_bytes / 2**20:.3g} MiB are released: make the network smaller in configs/release.json"
        )
    return write_whole(file, lambda part: part.write_bytes(content))
