"""DDUNet: one encoder, and two decoders, of the foreground and of what parts nuclei in it."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.basic_unet import Down, TwoConv
from torch import Tensor, cat, nn

from ..image_size import check_size
from ..unet_decoder import UNetDecoder


class DDUNet(nn.Module):
    """A U-Net with two decoders, each with skips of its own from the one encoder.

    The first `foreground_channels` maps are the segmentation decoder's, all others the distance decoder's. A
    network of no more maps than those has the first decoder alone, and is a plain U-Net.

    Args:
        in_channels: channels of the image.
        out_channels: maps of both decoders together.
        foreground_channels: how many of them are the segmentation decoder's.
        features: widths of the encoder at /1, /2, /4 ...; of both decoders at all scales but the coarsest.
        dropout: probability in every block.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Mahbod et al., A dual decoder U-Net-based model for nuclei instance segmentation in hematoxylin and
        eosin-stained histological images, Frontiers in Medicine, 2022. Known from its abstract: see the
        README of the bundle `ddunet`.
    """

    ENCODER = ("encoder",)

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        foreground_channels: int = 1,
        features: Sequence[int] = (16, 32, 64, 128, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(features) < 2:
            raise ValueError(f"features is of {len(features)} width, {list(features)}: give at least two")
        if foreground_channels < 1:
            raise ValueError(f"foreground_channels is {foreground_channels}: choose 1 or more")
        self.divisor = 2 ** (len(features) - 1)
        act, norm = ("relu", {"inplace": True}), ("batch", {"affine": True})
        self.encoder = nn.ModuleList(
            [
                TwoConv(2, in_channels, features[0], act, norm, False, dropout),
                *(
                    Down(2, finer, coarser, act, norm, False, dropout)
                    for finer, coarser in zip(features[:-1], features[1:], strict=True)
                ),
            ]
        )
        foreground = min(foreground_channels, out_channels)
        self.decoders = nn.ModuleList(
            UNetDecoder(features, features[:-1], maps, dropout=dropout)
            for maps in (foreground, out_channels - foreground)
            if maps
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        x, features = image, []
        for block in self.encoder:
            x = block(x)
            features.append(x)
        return cat([decoder(features) for decoder in self.decoders], dim=1)
