"""ResNet18UNet: a U-Net whose encoder is a ResNet-18 that stops at /16."""

from __future__ import annotations

import os
from collections.abc import Sequence

from monai.networks.nets.basic_unet import TwoConv
from monai.networks.nets.resnet import ResNetBlock
from torch import Tensor, nn

from .image_size import check_size
from .imagenet_weights import adapt_first_convolution, fill_encoder, read_weights
from .unet_decoder import UNetDecoder


class ResNet18Encoder(nn.Module):
    """The first stages of a ResNet-18, its weights named as in official state dicts.

    Args:
        in_channels: channels of the image.
        stages: stages of two blocks each, 1 to 4; the last is at / 2^(stages + 1).
        width: channels of the first stage; they double at each stage (published: 64).

    Shapes:
        input: (b, in_channels, h, w).
        output: a list, one tensor a scale: /2 and /4 with `width` channels, /8 with twice as many ...

    References:
        He et al., Deep residual learning for image recognition, CVPR 2016, Table 1.
    """

    def __init__(self, in_channels: int, *, stages: int = 3, width: int = 64) -> None:
        super().__init__()
        if not 1 <= stages <= 4:
            raise ValueError(f"stages must be 1 to 4, not {stages}: a ResNet-18 has four")
        self.features = [width, *(width * 2**i for i in range(stages))]
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stages = [f"layer{i}" for i in range(1, stages + 1)]
        for i, name in enumerate(self.stages):
            self.add_module(name, _stage(self.features[i], self.features[i + 1], stride=2 if i else 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features at /2, /4, ..."""
        features = [self.relu(self.bn1(self.conv1(image)))]
        x = self.maxpool(features[0])
        for name in self.stages:
            x = self.get_submodule(name)(x)
            features.append(x)
        return features


def _stage(in_channels: int, out_channels: int, *, stride: int) -> nn.Sequential:
    """Two blocks, of which the first changes size and width."""
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    return nn.Sequential(
        ResNetBlock(in_channels, out_channels, spatial_dims=2, stride=stride, downsample=shortcut),
        ResNetBlock(out_channels, out_channels, spatial_dims=2),
    )


class ResNet18UNet(nn.Module):
    """ResNet-18 down to /16, transposed convolutions back up, skips at every scale, 1x1 head.

    Args:
        in_channels: channels of the image.
        out_channels: maps of the head.
        stages: stages of the encoder; 3 end at /16, as in the paper, 4 at the /32 of a stock ResNet-18, where
            a nucleus is less than a pixel.
        width: channels of the encoder's first stage (published: 64).
        detail_features: width of two convolutions at full resolution, whose result is the skip at /1; the
            encoder itself begins at /2, too coarse for gaps of a pixel. 0: no skip there.
        decoder_features: widths of the decoder at /1, /2, /4 ...: one more than `stages`.
        dropout: probability in the decoder.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options do not fit together, or the image does not fit the network.

    References:
        Beker, Wei and Zhang, Cell nuclei segmentation in 2D fluorescence microscopy images, section II.2.
    """

    ENCODER = ("encoder",)

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        stages: int = 3,
        width: int = 64,
        detail_features: int = 16,
        decoder_features: Sequence[int] = (16, 32, 64, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.divisor = 2 ** (stages + 1)
        self.encoder = ResNet18Encoder(in_channels, stages=stages, width=width)
        act = ("relu", {"inplace": True})
        self.detail = (
            TwoConv(2, in_channels, detail_features, act, ("batch", {}), False) if detail_features else None
        )
        self.decoder = UNetDecoder(
            [detail_features, *self.encoder.features], decoder_features, out_channels, dropout=dropout
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        detail = None if self.detail is None else self.detail(image)
        return self.decoder([detail, *self.encoder(image)])

    def load_imagenet(self, source: str | os.PathLike[str] | None = None) -> None:
        """Start the encoder from ImageNet weights.

        A method, not an option: inference builds the network too, and must not download what it overwrites.

        Args:
            source: the official file of ResNet-18; None to download it.

        Raises:
            ConnectionError: the file cannot be downloaded.
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, or the encoder is narrower than the published one.
        """
        weights = read_weights(source, "resnet18")
        if any(name.startswith("layer1.2.") for name in weights):
            raise ValueError(f"{source} is of a deeper ResNet: give the official file of ResNet-18")
        if "conv1.weight" in weights and "bn1.running_mean" in weights:
            kernels, shift = adapt_first_convolution(weights["conv1.weight"], self.in_channels)
            mean = weights["bn1.running_mean"] + shift
            weights |= {"conv1.weight": kernels, "bn1.running_mean": mean}
        fill_encoder(self.encoder, weights)
