"""VGG16UNet: a U-Net whose encoder is a VGG16, with skips from full resolution down."""

from __future__ import annotations

import os
from collections.abc import Sequence

from torch import Tensor, nn

from .image_size import check_size
from .imagenet_weights import adapt_first_convolution, fill_encoder, read_weights
from .unet_decoder import UNetDecoder

CONVOLUTIONS = (2, 2, 3, 3, 3)  # of each block
WIDTHS = (1, 2, 4, 8, 8)  # of each block, in multiples of the first


class VGG16Encoder(nn.Module):
    """The first blocks of a VGG16, its weights named as in official state dicts.

    Args:
        in_channels: channels of the image.
        blocks: 1 to 5; the last is at / 2^(blocks - 1).
        width: channels of the first block (published: 64).
        batch_norm: batch norm after every convolution.

    Shapes:
        input: (b, in_channels, h, w).
        output: a list, one tensor a block: /1, /2, /4 ...

    References:
        Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015,
        Table 1, configuration D.
    """

    def __init__(
        self, in_channels: int, *, blocks: int = 4, width: int = 64, batch_norm: bool = True
    ) -> None:
        super().__init__()
        if not 1 <= blocks <= 5:
            raise ValueError(f"blocks must be 1 to 5, not {blocks}: a VGG16 has five")
        self.widths = [width * factor for factor in WIDTHS[:blocks]]
        layers: list[nn.Module] = []
        seen = in_channels
        for i, features in enumerate(self.widths):
            if i:
                layers.append(nn.MaxPool2d(kernel_size=2))
            for _ in range(CONVOLUTIONS[i]):
                layers.append(nn.Conv2d(seen, features, kernel_size=3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(features))
                layers.append(nn.ReLU(inplace=True))
                seen = features
        # One flat list, pools among the convolutions: the numbers are the official names.
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features at /1, /2, ..."""
        features = []
        x = image
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                features.append(x)
            x = layer(x)
        return [*features, x]


class VGG16UNet(nn.Module):
    """VGG16 without its last pool and classifier, transposed convolutions back up, skips at every scale.

    Args:
        in_channels: channels of the image.
        out_channels: maps of the head.
        blocks: blocks of the encoder: 5 as published; 4 leave out the last, a third of the weights.
        width: channels of the encoder's first block (published: 64).
        batch_norm: batch norm in the encoder, without which it hardly trains from random weights.
        decoder_features: widths of the decoder at /1, /2, /4 ...: one less than `blocks`.
        dropout: probability in the decoder.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the options do not fit together, or the image does not fit the network.

    References:
        Saednia, Tran and Sadeghi-Naini, A cascaded deep learning framework for segmentation of nuclei in
        digital histology images, section II.C.
    """

    ENCODER = ("encoder",)

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        blocks: int = 4,
        width: int = 64,
        batch_norm: bool = True,
        decoder_features: Sequence[int] = (32, 64, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.batch_norm = batch_norm
        self.divisor = 2 ** (blocks - 1)
        self.encoder = VGG16Encoder(in_channels, blocks=blocks, width=width, batch_norm=batch_norm)
        self.decoder = UNetDecoder(self.encoder.widths, decoder_features, out_channels, dropout=dropout)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        return self.decoder(self.encoder(image))

    def load_imagenet(self, source: str | os.PathLike[str] | None = None) -> None:
        """Start the encoder from ImageNet weights.

        A method, not an option: inference builds the network too, and must not download what it overwrites.

        Args:
            source: the official file of VGG16, that with batch norm where the encoder has it; None to
                download it.

        Raises:
            ConnectionError: the file cannot be downloaded.
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, or the encoder is narrower than the published one.
        """
        weights = read_weights(source, "vgg16_bn" if self.batch_norm else "vgg16")
        if "features.0.weight" in weights and "features.0.bias" in weights:
            kernels, shift = adapt_first_convolution(weights["features.0.weight"], self.in_channels)
            weights |= {"features.0.weight": kernels, "features.0.bias": weights["features.0.bias"] - shift}
        fill_encoder(self.encoder, weights)
