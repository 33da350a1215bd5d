"""UNet3Plus: a U-Net with full-scale skips, activations to choose, and side maps while it trains."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, cat, nn

from ..image_size import check_size
from .activated_convolution import ActivatedConvolution, check_activation, matched_width
from .full_scale_decoder import FullScaleDecoder, enlarge


class UNet3Plus(nn.Module):
    """U-Net3+; with `activation` "glu" the eU-Net3+, whose gates say where features pass.

    With `deep_supervision` each coarser level has a head too. In training mode the maps of these heads,
    enlarged, follow the network's own in the same tensor, for a loss that reads them
    (`common.losses.SideMapsLoss`); in evaluation mode they are not computed.

    Args:
        in_channels: channels of the image.
        out_channels: maps of each head.
        features: widths of the encoder at /1, /2, /4 ... (published: 64, 128, 256, 512, 1024).
        branch_features: channels that a level of the decoder takes from each scale (published: 64).
        activation: "relu" (U-Net3+), "leaky_relu", "swish", "glu" (eU-Net3+), which doubles the weights, or
            "glu_matched", the same at 1 / sqrt(2) of all widths, which has as many weights as the others.
        deep_supervision: heads at all levels instead of the finest alone.
        dropout: probability in every convolution.
        enlarge_first: see `FullScaleDecoder` (published: True).

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation); in training with deep supervision
            (b, out_channels * len(features), h, w), finest head first.

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Huang et al., UNet 3+: a full-scale connected UNet for medical image segmentation, ICASSP 2020,
        sections 2.1 and 2.2. Swain, Cheoi and Ko, Enhancing nuclei segmentation in histology images by
        effectively merging task-specific and foundation models, Journal of Multimedia Information System,
        2024, section III (gated units).
    """

    ENCODER = ("encoder",)

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        features: Sequence[int] = (16, 32, 64, 128, 256),
        branch_features: int = 16,
        activation: str = "relu",
        deep_supervision: bool = False,
        dropout: float = 0.0,
        enlarge_first: bool = False,
    ) -> None:
        super().__init__()
        check_activation(activation)
        if len(features) < 2:
            raise ValueError(f"features is of {len(features)} width, {list(features)}: give at least two")
        if min(*features, branch_features) < 1:
            raise ValueError(
                f"features {list(features)} and branch_features {branch_features} must all be 1 or more"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}: choose a probability of at least 0 and below 1")
        self.divisor = 2 ** (len(features) - 1)
        widths = [matched_width(width, activation) for width in features]
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                ActivatedConvolution(seen, width, activation=activation, dropout=dropout),
                ActivatedConvolution(width, width, activation=activation, dropout=dropout),
            )
            for seen, width in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        self.decoder = FullScaleDecoder(
            widths,
            branch_features=matched_width(branch_features, activation),
            activation=activation,
            dropout=dropout,
            enlarge_first=enlarge_first,
        )
        heads = [self.decoder.level_features] * (len(widths) - 1) + [widths[-1]]
        self.heads = nn.ModuleList(
            nn.Conv2d(width, out_channels, kernel_size=3, padding=1)
            for width in (heads if deep_supervision else heads[:1])
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image, and in training those of the side heads, if there are any."""
        return self.maps_of(self.features_of(image))

    def features_of(self, image: Tensor) -> list[Tensor]:
        """Return the encoder's features, finest first."""
        check_size(image, self.divisor)
        x, features = image, []
        for level, block in enumerate(self.encoder):
            x = block(self.pool(x) if level else x)
            features.append(x)
        return features

    def maps_of(self, features: Sequence[Tensor]) -> Tensor:
        """Return the maps of the encoder's features, as `forward` does those of an image."""
        decoded = self.decoder(features)
        if not self.training:
            maps: Tensor = self.heads[0](decoded[0])
            return maps
        return cat(
            [
                enlarge(head(level), 2**number) if number else head(level)
                for number, (head, level) in enumerate(zip(self.heads, decoded, strict=False))
            ],
            dim=1,
        )
