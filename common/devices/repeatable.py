"""Seeds, and the settings of torch under which the same seed gives the same numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["repeatable", "seed_all"]


def seed_all(seed: int) -> None:
    """Seed torch, numpy and Python, and change nothing else.

    Args:
        seed: any whole number of at least 0; numpy takes 32 bits of it.

    Example:
        >>> seed_all(3); before = torch.rand(2)
        >>> seed_all(3); bool((before == torch.rand(2)).all())
        True
    """
    seed = int(seed) % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def repeatable() -> Iterator[None]:
    """Let cuDNN choose deterministic convolutions for a while; afterwards all is as before.

    Example:
        >>> before = torch.backends.cudnn.deterministic
        >>> with repeatable():
        ...     torch.backends.cudnn.deterministic
        True
        >>> torch.backends.cudnn.deterministic == before
        True
    """
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
