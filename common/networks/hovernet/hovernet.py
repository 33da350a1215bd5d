"""HoVerNet: MONAI's blocks of HoVer-Net at any width and image size, with one tensor for the maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.hovernet import _DecoderBlock, _ResidualBlock
from torch import Tensor, nn
from torch.nn import functional

from ..image_size import check_size

STEM = 64  # by this width MONAI's residual block knows the first one, which alone halves nothing


class HoVerNet(nn.Module):
    """ResNet-50 that keeps the full resolution at first, and dense decoders of nuclei and of what parts them.

    MONAI's `HoVerNet` takes images of 256 x 256 alone, has one width, and where its decoders pad (so that
    maps have the image's size) it leaves out two of three skips. Here its blocks are put together anew; at
    width 256 names and shapes of the weights are MONAI's.

    The last `vector_channels` maps are the second decoder's, all others the first one's.

    Args:
        in_channels: channels of the image.
        out_channels: maps of both decoders together.
        vector_channels: how many of them are the second decoder's. One map alone is of nuclei, without a
            second decoder.
        width: of the first residual block, a multiple of 32 above 64; each next one is twice as wide
            (published: 256).

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Graham et al., HoVer-Net: simultaneous segmentation and classification of nuclei in multi-tissue
        histology images, Medical Image Analysis, 2019; sizes of its "fast" version, as MONAI has it.
    """

    ENCODER = ("conv0", "res_blocks")
    divisor = 8

    def __init__(
        self, in_channels: int = 3, out_channels: int = 3, *, vector_channels: int = 2, width: int = 96
    ) -> None:
        super().__init__()
        if width % 32 or width <= STEM:
            raise ValueError(f"width is {width}: choose a multiple of 32 above {STEM}, such as 96 or 256")
        if vector_channels < 0:
            raise ValueError(f"vector_channels is {vector_channels}: choose 0 or more")
        vectors = min(vector_channels, out_channels - 1)
        self.conv0 = nn.Sequential()
        self.conv0.add_module("conv", nn.Conv2d(in_channels, STEM, kernel_size=7, padding=3, bias=False))
        self.conv0.add_module("bn", nn.BatchNorm2d(STEM))
        self.conv0.add_module("relu", nn.ReLU(inplace=True))
        self.res_blocks = nn.Sequential()
        before = STEM
        for number, layers in enumerate((3, 4, 6, 3)):
            after = width * 2**number
            self.res_blocks.add_module(f"d{number}", _ResidualBlock(layers, after // 4, before, after))
            before = after
        self.bottleneck = nn.Sequential()
        self.bottleneck.add_module("conv_bottleneck", nn.Conv2d(before, before // 2, 1, bias=False))
        self.nucleus_prediction = Branch(width, out_channels - vectors)
        self.horizontal_vertical = Branch(width, vectors) if vectors else None
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # MONAI's doubled variance, for ReLU, adds up over the residual sums to maps of some hundreds.
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        x, skips = self.conv0(image), []
        for block in self.res_blocks:
            x = block(x)
            skips.append(x)
        x = _twice(self.bottleneck(skips.pop()))
        maps: Tensor = self.nucleus_prediction(x, skips)
        if self.horizontal_vertical is not None:
            maps = torch.cat([maps, self.horizontal_vertical(x, skips)], dim=1)
        return maps


class Branch(nn.Module):
    """A decoder: two dense blocks, at /4 and /2, each enlarged and added to the skip of the next scale.

    Args:
        width: see `HoVerNet`.
        out_channels: maps.

    Shapes:
        x: (b, 4 * width, h / 4, w / 4).
        skips: of /1, /2 and /4, width, 2 * width and 4 * width channels.
        returns: (b, out_channels, h, w).
    """

    def __init__(self, width: int, out_channels: int) -> None:
        super().__init__()
        self.decoder_blocks = nn.Sequential()
        for number, layers in enumerate((8, 4)):
            block = _DecoderBlock(
                layers, width // 2, 4 * width // 2**number, width // 8, kernel_size=3, same_padding=True
            )
            self.decoder_blocks.add_module(f"decoderblock{number + 1}", block)
        first, last = nn.Sequential(), nn.Sequential()
        first.add_module("conva", nn.Conv2d(width, width // 4, kernel_size=3, padding=1, bias=False))
        last.add_module("bn", nn.BatchNorm2d(width // 4))
        last.add_module("relu", nn.ReLU(inplace=True))
        last.add_module("conv", nn.Conv2d(width // 4, out_channels, kernel_size=1))
        self.output_features = nn.Sequential()
        self.output_features.add_module("decoderblock3", first)
        self.output_features.add_module("decoderblock4", last)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Return the maps."""
        x = x + skips[2]
        for block, skip in zip(self.decoder_blocks, (skips[1], skips[0]), strict=True):
            x = _twice(block(x)) + skip
        maps: Tensor = self.output_features(x)
        return maps


def _twice(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
