"""A network in evaluation mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["evaluating"]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Set evaluation mode, and afterwards each module's own mode: a frozen batch norm stays frozen.

    MONAI's `eval_mode` sets a whole network back to training, its frozen parts too.

    Args:
        network: any module.

    Example:
        >>> network = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
        >>> with evaluating(network):
        ...     [each.training for each in network]
        [False, False]
        >>> [each.training for each in network]
        [True, False]
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
