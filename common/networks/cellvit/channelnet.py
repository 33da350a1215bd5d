"""ChannelNet: any number of channels, in any order -> a few maps, by one small network for all channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution, UpSample
from torch import Tensor, nn
from torch.nn import functional

from ..image_size import check_size


class ChannelNet(nn.Module):
    """A U-shaped network whose encoder sees each channel alone, with shared weights; what is seen is pooled.

    After each block the highest answer of all channels is kept, pixel by pixel, and the decoder works on
    these. The maximum knows neither order nor number: channels may be shuffled and repeated, exactly, once
    the network is trained (in training, batch norm averages over the channels that are there). Answers are
    never below 0, and a channel that is constant in all that the network is given counts as 0: it is not
    computed and changes nothing, exactly, as does one that is not there.

    Trained networks take channels one after another, so that memory does not grow with their number.

    Args:
        in_channels: not used, any number does; there as in every network.
        out_channels: maps.
        features: widths of the blocks, from the finest scale to the coarsest.
        aggregate: pool after each block. Without, the whole network sees each channel alone and only its maps
            are pooled: what pooling in between is good for shows there.

    Shapes:
        input: (b, c, h, w), any c of 1 or more, h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the image has no channel, or does not fit the network.

    References:
        The idea: Goldsborough et al., A novel channel invariant architecture for the segmentation of cells
        and nuclei in multiplexed images using InstanSeg, 2024, whose text was not at hand.

    Example:
        >>> network, image = ChannelNet().eval(), torch.rand(1, 3, 16, 16)
        >>> other = torch.cat([image[:, [2, 0, 1, 0]], torch.full((1, 1, 16, 16), 7.0)], dim=1)
        >>> torch.equal(network(image), network(other))
        True
    """

    ENCODER = ("blocks",)

    def __init__(
        self,
        in_channels: int | None = None,
        out_channels: int = 3,
        *,
        features: Sequence[int] = (8, 16, 32),
        aggregate: bool = True,
    ) -> None:
        super().__init__()
        self.aggregate, self.divisor = aggregate, 2 ** (len(features) - 1)
        self.blocks = nn.ModuleList(
            _block(before, width) for before, width in zip((1, *features), features, strict=False)
        )
        coarser = list(zip(features[::-1], features[-2::-1], strict=False))
        self.ups = nn.ModuleList(
            UpSample(2, below, width, scale_factor=2, mode="deconv") for below, width in coarser
        )
        self.joins = nn.ModuleList(_block(2 * width, width) for _, width in coarser)
        self.head = nn.Conv2d(features[0], out_channels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        if image.shape[1] == 0:
            raise ValueError("the image has no channel: choose at least one with --channels")
        check_size(image, self.divisor)
        # What is not a number is never constant.
        used = image.amin(dim=(2, 3)) != image.amax(dim=(2, 3))
        if torch.compiler.is_exporting() or torch.jit.is_tracing():
            pooled = self._masked(image, used)
        else:
            pooled = self._at_once(image, used) if self.training else self._one_by_one(image, used)
        return self._decode(pooled) if self.aggregate else pooled[0]

    def _at_once(self, image: Tensor, used: Tensor) -> list[Tensor]:
        """Pool over channels that all went through the network together: batch norm wants them so."""
        none = not bool(used.any())
        chosen = torch.ones_like(used) if none else used
        counts = chosen.sum(dim=1).tolist()
        pooled = []
        for level in self._of_channels(image[chosen][:, None]):
            groups = level.split(counts)
            found = [each.amax(dim=0) if len(each) else level.new_zeros(level.shape[1:]) for each in groups]
            pooled.append(torch.stack(found) * (0 if none else 1))
        return pooled

    def _one_by_one(self, image: Tensor, used: Tensor) -> list[Tensor]:
        """Pool over channels that went through the network one after another, of one image after another."""
        images = []
        for one, of_one in zip(image, used.tolist(), strict=True):
            pooled: list[Tensor] | None = None
            for channel, is_used in zip(one, of_one, strict=True):
                if is_used:
                    levels = self._of_channels(channel[None, None])
                    pooled = levels if pooled is None else list(map(torch.maximum, pooled, levels))
            if pooled is None:
                pooled = [torch.zeros_like(level) for level in self._of_channels(one[None, :1])]
            images.append(pooled)
        return [torch.cat(levels) for levels in zip(*images, strict=True)]

    def _masked(self, image: Tensor, used: Tensor) -> list[Tensor]:
        """Pool over all channels, used or not: a file holds no choice that depends on the image."""
        least = 0.0 if self.aggregate else -torch.inf  # maps go below 0, what blocks answer does not
        pooled = []
        for level in self._of_channels(image.flatten(0, 1)[:, None]):
            of_channels = level.unflatten(0, (-1, image.shape[1]))
            found = torch.where(used[:, :, None, None, None], of_channels, least).amax(dim=1)
            pooled.append(torch.where(used.any(dim=1)[:, None, None, None], found, 0.0))
        return pooled

    def _of_channels(self, channels: Tensor) -> list[Tensor]:
        """Return what is pooled of single channels (n, 1, h, w): the blocks' answers, or the maps."""
        levels = [self.blocks[0](channels)]
        for block in self.blocks[1:]:
            levels.append(block(functional.max_pool2d(levels[-1], 2)))
        return levels if self.aggregate else [self._decode(levels)]

    def _decode(self, levels: Sequence[Tensor]) -> Tensor:
        x = levels[-1]
        for up, join, level in zip(self.ups, self.joins, levels[-2::-1], strict=True):
            x = join(torch.cat([up(x), level], dim=1))
        maps: Tensor = self.head(x)
        return maps


def _block(in_channels: int, width: int) -> nn.Sequential:
    """Return two convolutions whose answers are not below 0."""
    options = {"kernel_size": 3, "act": "relu", "norm": "batch", "bias": False}
    return nn.Sequential(
        Convolution(2, in_channels, width, **options), Convolution(2, width, width, **options)
    )
