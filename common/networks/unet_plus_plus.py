"""UNetPlusPlus: MONAI's U-Net++ with one tensor for the maps, the average of its heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets import BasicUNetPlusPlus
from torch import Tensor, nn

from .image_size import check_size

HEADS = 4  # one for each U-Net that is nested in the others, from two levels to five


class UNetPlusPlus(BasicUNetPlusPlus):
    """Nested U-Nets of two to five levels on one encoder, joined by dense skips; 2D, batch norm.

    MONAI's network returns a list. Here the heads' maps are averaged, in training too, so that the gradient
    reaches every nested U-Net directly, which is what deep supervision is for. Names and shapes of the
    weights are MONAI's.

    Args:
        in_channels: channels of the image.
        out_channels: maps of each head.
        features: widths at /1, /2, /4, /8 and /16, and of the last block before the fourth head (published:
            32, 64, 128, 256, 512, 32).
        deep_supervision: average all four heads; without it the deepest U-Net's head is the only one.
        dropout: probability in every block.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: there are not six widths, or the image does not fit the network.

    References:
        Zhou, Siddiquee, Tajbakhsh and Liang, UNet++: redesigning skip connections to exploit multiscale
        features in image segmentation, IEEE Transactions on Medical Imaging, 2020.
    """

    ENCODER = ("conv_0_0", "conv_1_0", "conv_2_0", "conv_3_0", "conv_4_0")
    divisor = 16

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        features: Sequence[int] = (16, 32, 64, 128, 256, 16),
        deep_supervision: bool = True,
        dropout: float = 0.0,
    ) -> None:
        if len(features) != 6:
            raise ValueError(f"features are {len(features)} widths, {list(features)}: give six")
        super().__init__(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=out_channels,
            features=features,
            deep_supervision=deep_supervision,
            norm="batch",
            dropout=dropout,
        )
        if not deep_supervision:
            for number in range(1, HEADS):  # MONAI runs these heads but returns only the last
                setattr(self, f"final_conv_0_{number}", nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(x, self.divisor)
        return torch.stack(super().forward(x)).mean(dim=0)
