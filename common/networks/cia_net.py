"""CIANet: a dense encoder, and decoders of nuclei and of contours that exchange what they know."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets import DenseNet
from torch import Tensor, nn
from torch.nn import functional

from .image_size import check_size


class CIANet(nn.Module):
    """DenseNet encoder with two decoders, joined at each level by an information aggregation module.

    The last `contour_channels` maps are the contour decoder's, all others the nucleus decoder's. The
    encoder's blocks are MONAI's `DenseNet`; after its first convolution nothing is pooled, so that no level
    is coarser than /8 of it.

    Args:
        in_channels: channels of the image.
        out_channels: maps of both decoders together.
        contour_channels: how many of them are the contour decoder's. One map alone is always of nuclei: the
            contour decoder then only informs the other.
        init_features: width of the first convolution.
        growth_rate: channels that each dense layer adds.
        layers: dense layers of each block, from fine to coarse.
        width: of both decoders, at every level.
        stem_stride: of the first convolution; at 1 the finest level is the image's resolution, as in public
            versions of the network, at a fourth of the speed; at 2 the maps are enlarged in the end.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Zhou, Onder, Dou, Tsougenis, Chen and Heng, CIA-Net: robust nuclei instance segmentation with
        contour-aware information aggregation, IPMI 2019, arXiv:1903.05358. The text of the paper was not at
        hand: levels and modules follow public code after it, see the bundle's README.
    """

    ENCODER = ("stem", "blocks", "transitions")
    divisor = 16

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        contour_channels: int = 1,
        init_features: int = 32,
        growth_rate: int = 24,
        layers: Sequence[int] = (4, 6, 8, 6),
        width: int = 48,
        stem_stride: int = 2,
    ) -> None:
        super().__init__()
        if stem_stride not in (1, 2):
            raise ValueError(f"stem_stride is {stem_stride}: choose 1 or 2")
        if len(layers) < 2:
            raise ValueError(f"layers are of {len(layers)} block, {list(layers)}: give at least two blocks")
        if contour_channels < 0:
            raise ValueError(f"contour_channels is {contour_channels}: choose 0 or more")
        contours = min(contour_channels, out_channels - 1)
        self.stem_stride = stem_stride
        self.divisor = stem_stride * 2 ** (len(layers) - 1)
        encoder = DenseNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=1,
            init_features=init_features,
            growth_rate=growth_rate,
            block_config=layers,
        ).features
        self.stem = _convolution(in_channels, init_features, strides=stem_stride)
        self.blocks = nn.ModuleList(encoder.get_submodule(f"denseblock{n + 1}") for n in range(len(layers)))
        self.transitions = nn.ModuleList(
            encoder.get_submodule(f"transition{n + 1}") for n in range(len(layers) - 1)
        )
        features, channels = [], init_features
        for count in layers:
            features.append(channels + count * growth_rate)
            channels = features[-1] // 2
        self.top = nn.Sequential(nn.BatchNorm2d(features[-1]), nn.ReLU(inplace=True))
        levels = list(range(len(layers) - 2, -1, -1))  # from coarse to fine
        self.nucleus_laterals = nn.ModuleList(_lateral(features[level], width) for level in levels)
        self.contour_laterals = nn.ModuleList(_lateral(features[level], width) for level in levels)
        self.aggregations = nn.ModuleList(
            InformationAggregation(
                (width if position else features[-1]) + width,
                width,
                has_contours=bool(contours) or position < len(levels) - 1,
            )
            for position in range(len(levels))
        )
        self.nucleus_head = nn.Conv2d(width, out_channels - contours, kernel_size=1)
        self.contour_head = nn.Conv2d(width, contours, kernel_size=1) if contours else None

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        x, skips = self.stem(image), []
        for block, transition in zip(self.blocks[:-1], self.transitions, strict=True):
            skips.append(block(x))
            x = transition(skips[-1])
        nuclei = contours = self.top(self.blocks[-1](x))
        for of_nuclei, of_contours, aggregation in zip(
            self.nucleus_laterals, self.contour_laterals, self.aggregations, strict=True
        ):
            skip = skips.pop()
            nuclei, contours = aggregation(
                torch.cat([_twice(nuclei), of_nuclei(skip)], dim=1),
                torch.cat([_twice(contours), of_contours(skip)], dim=1),
            )
        maps = self.nucleus_head(nuclei)
        if self.contour_head is not None:
            maps = torch.cat([maps, self.contour_head(contours)], dim=1)
        return maps if self.stem_stride == 1 else _twice(maps)


class InformationAggregation(nn.Module):
    """What the decoders of nuclei and of contours know at a level, put together and handed back to both.

    Each decoder's features pass a convolution; what both have then passes one that they share, and one for
    each decoder takes from it what that needs.

    Args:
        in_channels: channels of each decoder's features.
        width: channels of what each gets back.
        has_contours: whether the decoder of contours goes on; at the last level it may have no map.

    Shapes:
        nuclei, contours: (b, in_channels, h, w).
        returns: two tensors (b, width, h, w), the second one None without contours.
    """

    def __init__(self, in_channels: int, width: int, *, has_contours: bool = True) -> None:
        super().__init__()
        self.smooth_nuclei = _convolution(in_channels, width)
        self.smooth_contours = _convolution(in_channels, width)
        self.shared = _convolution(2 * width, width)
        self.refine_nuclei = _convolution(width, width)
        self.refine_contours = _convolution(width, width) if has_contours else None

    def forward(self, nuclei: Tensor, contours: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what each decoder gets back."""
        both = torch.cat([self.smooth_nuclei(nuclei), self.smooth_contours(contours)], dim=1)
        shared = self.shared(both)
        refined = self.refine_contours(shared) if self.refine_contours is not None else None
        return self.refine_nuclei(shared), refined


def _convolution(in_channels: int, out_channels: int, *, strides: int = 1) -> Convolution:
    return Convolution(
        2, in_channels, out_channels, strides=strides, kernel_size=3, act="relu", norm="batch", bias=False
    )


def _lateral(in_channels: int, width: int) -> nn.Sequential:
    """Return what brings a block's features, which no norm has seen, into a decoder."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False),
    )


def _twice(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
