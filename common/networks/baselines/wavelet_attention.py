"""Attention that looks at a feature map's wavelet bands, so that edges decide where it passes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def haar_bands(x: Tensor) -> Tensor:
    """Return one level of the Haar wavelet transform: averages, and what changes across columns, rows, both.

    The transform is orthonormal: it keeps the sum of squares.

    Args:
        x: height and width even.

    Shapes:
        x: (b, c, h, w).
        returns: (b, 4 c, h / 2, w / 2): all averages first, then the three kinds of details.

    References:
        Mallat, A theory for multiresolution signal decomposition: the wavelet representation, IEEE
        Transactions on Pattern Analysis and Machine Intelligence, 1989.

    Example:
        >>> haar_bands(torch.tensor([[[[1.0, 1.0], [3.0, 3.0]]]])).flatten().tolist()
        [4.0, 0.0, 2.0, 0.0]
    """
    even, odd = x[..., 0::2, :], x[..., 1::2, :]
    bands = []
    for rows in (even + odd, odd - even):
        left, right = rows[..., 0::2], rows[..., 1::2]
        bands += [(left + right) / 2, (right - left) / 2]
    return torch.cat(bands, dim=1)


class WaveletAttention(nn.Module):
    """Features times a gate of each pixel, which has seen their wavelet bands, and a gate of each channel.

    The pixel's gates come from the features and their bands, brought back to full size by a transposed
    convolution. A channel's gate comes from all channels' averages over the image, each with a weight that is
    learnt; so a feature depends on the whole image.

    Args:
        channels: of the features.
        reduction: how many times narrower the channel gates' hidden layer is.

    Shapes:
        input: (b, channels, h, w), h and w even.
        output: the same.

    References:
        Roy et al., AWGUNET: attention-aided wavelet guided U-Net for nuclei segmentation in histopathology
        images, ISBI 2024, arXiv:2406.08425; modules as in its authors' public program.
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.bands = nn.ConvTranspose2d(4 * channels, channels, kernel_size=2, stride=2)
        self.features = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        self.pixel_gate = nn.Conv2d(channels, channels, kernel_size=1)
        self.weight = nn.Parameter(torch.ones(channels))
        # Not ReLU: one of a few hidden units may be negative for all images, and nothing would learn.
        self.channel_gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.LeakyReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the gated features."""
        pixels = torch.sigmoid(self.pixel_gate(self.features(x) + self.bands(haar_bands(x))))
        averages = x.mean(dim=(2, 3)) * self.weight
        channels = torch.sigmoid(self.channel_gate(averages))
        gated: Tensor = x * pixels * channels[:, :, None, None]
        return gated
