"""AWGUNet: a DenseNet encoder, skips gated by their wavelets, a decoder of several kernel sizes."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.blocks import Convolution
from monai.networks.nets import DenseNet
from torch import Tensor, cat, nn
from torch.nn import functional

from ..image_size import check_size
from .wavelet_attention import WaveletAttention


class AWGUNet(nn.Module):
    """U-Net on a DenseNet, from the image itself (/1) down to its third block (/16), every skip gated.

    The encoder's blocks are MONAI's `DenseNet`; a DenseNet's fourth block is not used.

    Args:
        in_channels: channels of the image.
        out_channels: maps.
        init_features: width of the first convolution (published: 64).
        growth_rate: channels that each dense layer adds (published: 32).
        layers: dense layers of the three blocks (published, as in DenseNet-121: 6, 12, 24).
        decoder_features: widths of the decoder at /1, /2, /4, /8 (published: 64, 128, 256, 512).
        norm: of the decoder, "batch" or "instance" (published); the encoder has batch norm.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options fit no such network, or the image does not fit it.

    References:
        Roy et al., AWGUNET: attention-aided wavelet guided U-Net for nuclei segmentation in histopathology
        images, ISBI 2024, arXiv:2406.08425; levels and modules as in its authors' public program. Huang et
        al., Densely connected convolutional networks, CVPR 2017.
    """

    ENCODER = ("stem", "blocks", "norms", "transitions")
    divisor = 32  # /16 has to be even, for its wavelets

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        init_features: int = 32,
        growth_rate: int = 12,
        layers: Sequence[int] = (6, 12, 24),
        decoder_features: Sequence[int] = (16, 32, 64, 128),
        norm: str = "batch",
    ) -> None:
        super().__init__()
        if len(layers) != 3:
            raise ValueError(f"layers are of {len(layers)} blocks, {list(layers)}: give those of three")
        if len(decoder_features) != 4:
            raise ValueError(
                f"decoder_features are {len(decoder_features)} widths, {list(decoder_features)}: give four"
            )
        if norm not in ("batch", "instance"):
            raise ValueError(f"norm {norm!r} is unknown: choose batch or instance")
        encoder = DenseNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=1,
            init_features=init_features,
            growth_rate=growth_rate,
            # A fourth block, so that the third has a transition, whose norm is the bridge's.
            block_config=(*layers, 1),
        ).features
        self.stem = nn.Sequential(*(encoder.get_submodule(name) for name in ("conv0", "norm0", "relu0")))
        self.pool = encoder.get_submodule("pool0")
        self.blocks = nn.ModuleList(encoder.get_submodule(f"denseblock{n}") for n in (1, 2, 3))
        transitions = [encoder.get_submodule(f"transition{n}") for n in (1, 2, 3)]
        self.norms = nn.ModuleList(nn.Sequential(each.norm, each.relu) for each in transitions)
        self.transitions = nn.ModuleList(nn.Sequential(each.conv, each.pool) for each in transitions[:-1])
        widths, seen = [in_channels, init_features], init_features
        for count in layers:
            widths.append(seen + count * growth_rate)
            seen = widths[-1] // 2
        self.attentions = nn.ModuleList(WaveletAttention(width) for width in widths)
        below = [*decoder_features[1:], widths[-1]]
        self.levels = nn.ModuleList(
            DecoderLevel(below[i], widths[i], decoder_features[i], norm=norm) for i in range(4)
        )
        self.head = nn.Conv2d(decoder_features[0], out_channels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        features = [image, self.stem(image)]
        x = self.pool(features[-1])
        for number, (block, norm) in enumerate(zip(self.blocks, self.norms, strict=True)):
            features.append(norm(block(x)))
            if number < len(self.transitions):
                x = self.transitions[number](features[-1])
        gated = [attention(each) for attention, each in zip(self.attentions, features, strict=True)]
        x = gated.pop()
        for level in reversed(self.levels):
            x = level(x, gated.pop())
        return self.head(x)


class DecoderLevel(nn.Module):
    """Features enlarged in three ways, a skip, and convolutions that see 5, 3 and 1 pixels.

    Args:
        below: channels of the coarser level.
        skip: channels of the skip.
        features: channels of the result.
        norm: "batch" or "instance".

    Shapes:
        coarse: (b, below, h / 2, w / 2).
        skip: (b, skip, h, w).
        returns: (b, features, h, w).
    """

    def __init__(self, below: int, skip: int, features: int, *, norm: str) -> None:
        super().__init__()
        self.interpolated = nn.Conv2d(below, below, kernel_size=1)
        self.enlarged = nn.ConvTranspose2d(below, below, kernel_size=2, stride=2)

        def convolution(seen: int, width: int, size: int) -> Convolution:
            affine = (norm, {"affine": True})
            return Convolution(2, seen, width, kernel_size=size, act="relu", norm=affine, bias=False)

        seen, half = 2 * below + skip, max(1, features // 2)
        self.wide, self.narrow = convolution(seen, half, 5), convolution(seen, half, 3)
        self.both = nn.Conv2d(2 * half, features, kernel_size=1)
        self.point = convolution(seen, features, 1)
        self.fuse = convolution(2 * features, features, 3)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the finer level's features."""
        smooth, sharp = (
            functional.interpolate(coarse, scale_factor=2.0, mode=mode, align_corners=False)
            for mode in ("bilinear", "bicubic")
        )
        x = cat([self.interpolated(smooth + sharp), self.enlarged(coarse), skip], dim=1)
        several = self.both(cat([self.wide(x), self.narrow(x)], dim=1))
        return self.fuse(cat([several, self.point(x)], dim=1))
