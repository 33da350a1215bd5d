"""ChannelAdapter: a fixed number of channels -> few maps, by two convolutions and a projection."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn


def repeat_channels(image: Tensor, count: int) -> Tensor:
    """Repeat the channels of an image in turn until they are so many.

    Args:
        image: any number of channels up to `count`.
        count: how many there shall be.

    Shapes:
        image: (b, c, h, w).
        returns: (b, count, h, w).

    Raises:
        ValueError: the image has more channels.

    Example:
        >>> repeat_channels(torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1), 5).flatten().tolist()
        [1.0, 2.0, 1.0, 2.0, 1.0]
    """
    channels = image.shape[1]
    if channels > count:
        raise ValueError(
            f"the image has {channels} channels, more than the {count} that they are repeated to: choose as "
            f"many with --channels"
        )
    return image[:, torch.arange(count, device=image.device) % channels]


class ChannelAdapter(nn.Module):
    """Two 3 x 3 convolutions with batch norm around a residual sum, and a 1 x 1 projection.

    What it learns belongs to the channels' places: in another order they give other maps.

    Args:
        channels: of the image.
        maps: that it makes of them.

    Shapes:
        input: (b, channels, h, w), intensities about 0..1.
        output: (b, maps, h, w), real values.

    Raises:
        ValueError: the image has another number of channels.

    References:
        Kontarou and Fredj-Zadoun, Computationally efficient stain agnostic nuclei segmentation, 2025,
        section 2.4.
    """

    def __init__(self, channels: int, maps: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.first = Convolution(2, channels, channels, kernel_size=3, act="relu", norm="batch", bias=False)
        self.second = Convolution(2, channels, channels, kernel_size=3, act=None, norm="batch", bias=False)
        self.project = nn.Conv2d(channels, maps, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        if image.shape[1] != self.channels:
            raise ValueError(
                f"the image has {image.shape[1]} channels, but the adapter was made for {self.channels}: "
                f"choose as many with --channels, or take ChannelNet, which takes any number"
            )
        return self.project(torch.relu(image + self.second(self.first(image))))
