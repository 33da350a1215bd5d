"""Which channels of a network's output hold which group of maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

GROUPS = {"foreground": 1, "border": 1, "distance": 1, "offsets": 2}  # channels of each group of maps


def channel_numbers(channels: Mapping[str, int | Sequence[int] | None]) -> dict[str, list[int]]:
    """Return the channel numbers of each group as a list, absent groups left out.

    Args:
        channels: group name -> channel number, list of channel numbers, or None for absent.

    Raises:
        ValueError: a group is unknown, has the wrong number of channels, or shares a channel with another.

    Example:
        >>> channel_numbers({"foreground": 0, "border": None, "offsets": [2, 3]})
        {'foreground': [0], 'offsets': [2, 3]}
    """
    numbers: dict[str, list[int]] = {}
    for group, value in channels.items():
        if group not in GROUPS:
            raise ValueError(f"channels names the unknown group {group!r}: choose from {', '.join(GROUPS)}")
        if value is None:
            continue
        numbers[group] = [int(value)] if isinstance(value, int) else [int(v) for v in value]
        if len(numbers[group]) != GROUPS[group]:
            raise ValueError(
                f"channels gives {group!r} the channels {numbers[group]}: it needs {GROUPS[group]} of them"
            )
    used = [number for group in numbers.values() for number in group]
    if len(set(used)) < len(used) or min(used, default=0) < 0:
        raise ValueError(f"channels {numbers} must be distinct and not negative: one map a channel")
    return numbers


def pick(maps: Float[Tensor, "b k h w"], numbers: Sequence[int]) -> Float[Tensor, "b c h w"]:
    """Return the channels of these numbers, by slices: a list as index is copied to the device each time.

    Shapes:
        maps: (b, k, h, w).
        output: (b, len(numbers), h, w).
    """
    return torch.cat([maps[:, n : n + 1] for n in numbers], dim=1)


def check_channel(last: int, **tensors: Tensor) -> None:
    """Refuse tensors that lack a channel which a loss names.

    Args:
        last: the highest channel number named.
        tensors: what is judged, by the names that the sentence has for them.

    Shapes:
        tensors: (b, k, h, w).

    Raises:
        ValueError: naming the tensor, its channels and the missing one.

    Example:
        >>> maps = torch.zeros(1, 2, 4, 4)
        >>> check_channel(1, output=maps, target=maps[:, :1])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: the target has 1 channels, but channel 1 is named: let the network, ...
    """
    for name, tensor in tensors.items():
        if tensor.shape[1] <= last:
            raise ValueError(
                f"the {name} has {tensor.shape[1]} channels, but channel {last} is named: let the network, "
                "the targets and the loss agree"
            )
