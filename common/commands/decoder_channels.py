"""A decoder that looks for a map which the network does not put out is refused before the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import Tensor

__all__ = ["check_decoder", "maps_with_nuclei"]

_SIDE_PX = 64


def maps_with_nuclei(count: int, height: int = _SIDE_PX, width: int = _SIDE_PX) -> Tensor:
    """Return maps that every decoder finds nuclei in: squares of high values in all of them.

    A decoder that finds no nucleus never looks at its other maps; a network at the start of its training
    mostly finds none.

    Args:
        count: number of maps.
        height: of the maps, in pixels.
        width: of the maps, in pixels.

    Shapes:
        returns: (count, height, width), 5 inside squares and -5 outside.

    Example:
        >>> maps_with_nuclei(2, 32, 48).unique().tolist()
        [-5.0, 5.0]
    """
    rows, columns = (torch.arange(n) % 16 < 8 for n in (height, width))
    return torch.where(rows[:, None] & columns, 5.0, -5.0).expand(count, height, width).contiguous()


def check_decoder(config: Mapping[str, Any]) -> None:
    """Refuse a decoder that looks for a map which the network does not put out.

    Otherwise it shows when the network finds its first nucleus: after some epochs, or after the training.

    Args:
        config: a configuration, as `running_config` returns it; one that does not say how many maps its
            network has is left alone, as is a decoder that fails for another reason.

    Raises:
        ValueError: with the map that is looked for and the number of maps.

    Example:
        >>> decoder = {"_target_": "common.decoders.CentreVotesDecoder", "offsets": [2, 7]}
        >>> check_decoder({"decoder": decoder, "network_def": {"out_channels": 8}})
        >>> check_decoder({"decoder": decoder, "network_def": {"out_channels": 4}})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: the decoder looks for a map that is not there (index 7 ...): network_def puts out 4 ...
    """
    network = config.get("network_def")
    count = network.get("out_channels") if isinstance(network, Mapping) else None
    if "decoder" not in config or not isinstance(count, int) or isinstance(count, bool) or count < 1:
        return
    # One of its own, so that nothing of the running configuration is built before its time.
    decoder = ConfigParser(dict(config)).get_parsed_content("decoder")
    try:
        decoder(maps_with_nuclei(count).numpy())
    except IndexError as error:
        raise ValueError(
            f"the decoder looks for a map that is not there ({error}): network_def puts out {count} maps, "
            f"numbered 0 to {count - 1}: let decoder, loss and targets name these"
        ) from error
