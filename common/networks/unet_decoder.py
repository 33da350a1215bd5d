"""The ascending half of a U-Net: features of an encoder at /1, /2, /4 ... -> maps."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.basic_unet import UpCat
from torch import Tensor, nn


class UNetDecoder(nn.Module):
    """Transposed convolution, concatenation with the encoder's features, two convolutions; once a scale.

    Args:
        encoder_features: widths of the encoder at /1, /2, /4 ...; 0 where it has nothing to hand over.
        features: widths of the decoder at the same scales, without the coarsest, where it begins.
        out_channels: maps.
        dropout: probability in the convolution blocks.

    Shapes:
        input: a list, the i-th (b, encoder_features[i], h / 2^i, w / 2^i), None for a width of 0.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the numbers of widths do not fit together.

    References:
        Ronneberger et al., U-Net, MICCAI 2015.
    """

    def __init__(
        self,
        encoder_features: Sequence[int],
        features: Sequence[int],
        out_channels: int,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(features) != len(encoder_features) - 1:
            raise ValueError(
                f"decoder_features {list(features)} needs {len(encoder_features) - 1} widths, finest first: "
                f"one for each scale above the coarsest of the encoder's {len(encoder_features)}"
            )
        skips, below = encoder_features[:-1], [*features[1:], encoder_features[-1]]
        self.up = nn.ModuleList(
            UpCat(
                2,
                below[i],
                skips[i],
                features[i],
                act=("relu", {"inplace": True}),
                norm=("batch", {}),
                bias=False,
                dropout=dropout,
                is_pad=False,
            )
            for i in reversed(range(len(features)))
        )
        self.head = nn.Conv2d(features[0], out_channels, kernel_size=1)

    def forward(self, features: Sequence[Tensor | None]) -> Tensor:
        """Return the maps of an encoder's features, finest first."""
        x = features[-1]
        for up, skip in zip(self.up, reversed(features[:-1]), strict=True):
            x = up(x, skip)
        return self.head(x)
