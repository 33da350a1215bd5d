"""An image of several channels as one that shows nuclei alone."""

from __future__ import annotations

from torch import Tensor

__all__ = ["repeat_first_channel"]


def repeat_first_channel(image: Tensor) -> Tensor:
    """Put a copy of the first channel, which must show the nuclei, in place of all others.

    A network that does not count equal channels, such as `common.networks.ChannelNet`, sees an image of one
    channel then, while images of a batch keep one number of channels.

    Args:
        image: (c, h, w).

    Returns:
        A new image of the same shape and type.

    Example:
        >>> import torch
        >>> repeat_first_channel(torch.tensor([[[1.0]], [[2.0]]])).flatten().tolist()
        [1.0, 1.0]
    """
    return image[:1].expand_as(image).clone()
