"""What a network was found to be, kept as long as the network: measured at its first image alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..probes import ForwardMemory, measure_forward, reach_px

__all__ = ["Call", "memory_of", "reach_of"]

_reaches: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], int]] = WeakKeyDictionary()
_memories: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], ForwardMemory]] = WeakKeyDictionary()


class Call(NamedTuple):
    """A network with what it is given beside the image."""

    network: Callable[..., Tensor]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}

    def __call__(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        return self.network(image, *self.args, **self.kwargs)


def reach_of(call: Call, image: Tensor, *, divisor: int, step_px: int, limit_px: int) -> int:
    """Return how far a network sees; the limit where it is a function, of which nothing can be found out.

    Args:
        call: the network.
        image: tells channels and device.
        divisor: see `reach_px`.
        step_px: see `reach_px`.
        limit_px: see `reach_px`.

    Shapes:
        image: (b, c, h, w).
    """
    if not isinstance(call.network, nn.Module):
        return limit_px
    known = _reaches.setdefault(call.network, {})
    key = (*_kind(image), divisor, step_px, limit_px)
    if key not in known:
        known[key] = reach_px(
            call.network,
            image.shape[1],
            divisor=divisor,
            step_px=step_px,
            limit_px=limit_px,
            arguments=call.args,
            options=call.kwargs,
        )
    return known[key]


def memory_of(call: Call, image: Tensor, *, divisor: int) -> ForwardMemory | None:
    """Return the memory of a network's forward pass; None where it is a function.

    Args:
        call: the network.
        image: tells channels and device.
        divisor: see `measure_forward`.

    Shapes:
        image: (b, c, h, w).
    """
    if not isinstance(call.network, nn.Module):
        return None
    known = _memories.setdefault(call.network, {})
    key = (*_kind(image), divisor)
    if key not in known:
        known[key] = measure_forward(
            call.network, image.shape[1], divisor=divisor, arguments=call.args, options=call.kwargs
        )
    return known[key]


def _kind(image: Tensor) -> tuple[Any, ...]:
    # Autocast is the caller's: numbers of half the size take half the memory.
    return image.shape[1], image.device, torch.is_autocast_enabled(image.device.type)
