"""CascadedUNet: a first network's map of nuclei beside the image is what the second network sees."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from .image_size import check_size
from .vgg16_unet import VGG16UNet


class CascadedUNet(nn.Module):
    """Two networks in a row; the first is trained before and stays as it is, the second learns to correct it.

    The first one's probability of nuclei is a further channel of the image that the second one gets. In
    training the first one would know its own training images too well: then the map may be given from
    outside, made by a network that has not seen the image.

    Args:
        in_channels: channels of the image.
        out_channels: maps of the second network.
        first: image -> maps, of which channel 0 is the logit of nuclei; None: a narrow U-Net. Its weights are
            frozen and its batch norm keeps its running means.
        second: image and map (or map alone) -> maps; None: a narrow U-Net with a VGG16 encoder.
        see_image: whether the second network sees the image beside the map; the paper's sees the map alone.

    Shapes:
        input: (b, in_channels, h, w), h and w multiples of `divisor`, intensities about 0..1.
        first_map: (b, 1, h, w), 0..1; None: the first network's own.
        output: (b, out_channels, h, w), real values (no activation).

    Raises:
        ValueError: the image does not fit the network.

    References:
        Saednia, Tran and Sadeghi-Naini, A cascaded deep learning framework for segmentation of nuclei in
        digital histology images, section II.C; Wolpert, Stacked generalization, Neural Networks 1992 (maps of
        a network that has not seen the image).
    """

    ENCODER = ("second.encoder",)
    divisor = 16

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 4,
        *,
        first: nn.Module | None = None,
        second: nn.Module | None = None,
        see_image: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.see_image = in_channels, see_image
        seen = 1 + in_channels * see_image
        widths = (32, 32, 64, 128, 256, 32)
        self.first = first or BasicUNet(2, in_channels, 1, features=widths, norm="batch")
        self.second = second or VGG16UNet(
            seen, out_channels, blocks=5, width=32, decoder_features=(16, 32, 64, 128)
        )
        self.first.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> CascadedUNet:
        """Switch the second network between training and use; the first one is always in use."""
        super().train(mode)
        self.first.eval()
        return self

    def forward(self, image: Tensor, first_map: Tensor | None = None) -> Tensor:
        """Return the maps of an image."""
        check_size(image, self.divisor)
        if first_map is None:
            first_map = torch.sigmoid(self.first(image)[:, :1])
        return self.second(torch.cat([image, first_map], dim=1) if self.see_image else first_map)

    def load_imagenet(self, source: str | os.PathLike[str] | None = None) -> None:
        """Start the second network's encoder from ImageNet weights; see `VGG16UNet.load_imagenet`.

        Args:
            source: the official file of VGG16; None to download it.

        Raises:
            ValueError: the second network is one that ImageNet's weights are not for.
        """
        load = getattr(self.second, "load_imagenet", None)
        if load is None:
            raise ValueError(f"{type(self.second).__name__} has no encoder that ImageNet's weights are for")
        load(source)

    def from_part(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a network that is the second one alone, by the names that they have here.

        What weighs the first network's map is 0 then, so that the cascade begins with what the other network
        puts out, and learns from there what the map is good for.

        Args:
            weights: those of the other network, which saw the image alone.

        Returns:
            Weights of the second network; empty where it sees no image, or the others are not such.

        Example:
            >>> alone = VGG16UNet(3, 4, blocks=2, width=8, decoder_features=(4,)).state_dict()
            >>> cascade = CascadedUNet(second=VGG16UNet(4, 4, blocks=2, width=8, decoder_features=(4,)))
            >>> begun = cascade.from_part(alone)
            >>> begun.keys() == {f"second.{name}" for name in alone}
            True
        """
        own = self.second.state_dict()
        if not self.see_image or not own.keys() <= weights.keys():
            return {}
        begun = {}
        for name, target in own.items():
            value = weights[name]
            if (target.shape[1:2], value.shape[1:2]) == ((self.in_channels + 1,), (self.in_channels,)):
                # The map is the last channel.
                value = torch.cat([value, value.new_zeros(value.shape[0], 1, *value.shape[2:])], dim=1)
            begun[f"second.{name}"] = value
        return begun
