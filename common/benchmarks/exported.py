"""How long exported networks take beside the network in Python, at equal threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from .rounds import in_turns, seconds

__all__ = ["EAGER", "time_exported"]

EAGER = "eager"
"""The network as it runs in Python, among the formats."""

_WARM = 2  # runs that TorchScript watches before it compiles


def time_exported(
    network: nn.Module, programs: Mapping[str, Callable[[Tensor], Tensor]], image: Tensor, *, rounds: int
) -> dict[str, float]:
    """Return the median seconds that each takes for an image, in turns; those of the network as "eager".

    Args:
        network: in evaluation mode, on the CPU.
        programs: what it was exported to, by format.
        image: of a size that all of them take.
        rounds: how often each has its turn.

    Raises:
        ValueError: if there is nothing to repeat.
    """

    def run(program: Callable[[Tensor], Tensor]) -> Callable[[], float]:
        return lambda: seconds(lambda: program(image))

    with torch.no_grad():
        for program in programs.values():
            for _ in range(_WARM):
                program(image)
        return in_turns(
            {EAGER: run(network), **{name: run(program) for name, program in programs.items()}}, rounds=rounds
        )
