"""Laplacian of Gaussian as a fixed layer: image -> blob saliency at one or several scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

TRUNCATE = 5.0  # kernel radius in sigmas; at 4 the sampled second derivative still sums to 1e-3


def gaussian_kernels(sigma: float) -> tuple[Tensor, Tensor]:
    """Return the sampled Gaussian of a standard deviation and its second derivative.

    The Gaussian sums to 1. The second derivative is shifted so that it sums to exactly 0: the truncated,
    sampled one does not, and a constant image would give a response.

    Args:
        sigma: standard deviation in pixels, > 0.

    Returns:
        Two kernels of `2 * round(5 sigma) + 1` taps in float64.

    Raises:
        ValueError: sigma is not positive.
    """
    if sigma <= 0:
        raise ValueError(f"sigma {sigma} of the LoG filter must be positive (pixels)")
    radius = int(TRUNCATE * sigma + 0.5)
    x = torch.arange(-radius, radius + 1, dtype=torch.float64)
    gauss = torch.exp(-0.5 * (x / sigma) ** 2)
    gauss = gauss / gauss.sum()
    second = gauss * (x**2 / sigma**4 - 1 / sigma**2)
    return gauss, second - second.mean()


class LoGFilter(nn.Module):
    """Scale-normalised Laplacian of Gaussian, -sigma^2 (d^2/dr^2 + d^2/dc^2) G, of every channel.

    Bright blobs give positive responses, strongest for a disc of radius `sigma * sqrt(2)` pixels. The kernels
    are buffers outside the state dict, not parameters: nothing here is trained.

    Args:
        sigmas: scales in pixels, at the model's pixel size.

    Shapes:
        input: (b, c, h, w), any real values.
        output: (b, c * len(sigmas), h, w), channel-major: all sigmas of channel 0, then of channel 1.

    References:
        Mohammed et al., LoGSAGE, 2025, Fig. 1 and section 2.1; Lindeberg, Feature detection with automatic
        scale selection, IJCV 1998.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__()
        if not sigmas:
            raise ValueError("sigmas is empty: name at least one scale in pixels, for example [9]")
        self.sigmas = tuple(float(s) for s in sigmas)
        for i, sigma in enumerate(self.sigmas):
            gauss, second = gaussian_kernels(sigma)
            self.register_buffer(f"gauss{i}", gauss.float(), persistent=False)
            self.register_buffer(f"second{i}", (-(sigma**2) * second).float(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Filter every channel at every scale, in float32: the kernels' tails vanish in half precision."""
        b, c, h, w = image.shape
        with torch.autocast(image.device.type, enabled=False):
            planes = image.float().reshape(b * c, 1, h, w)
            maps = [
                self._filter(planes, getattr(self, f"gauss{i}"), getattr(self, f"second{i}"))
                for i in range(len(self.sigmas))
            ]
        return torch.cat(maps, dim=1).reshape(b, c * len(self.sigmas), h, w)

    @staticmethod
    def _filter(planes: Tensor, gauss: Tensor, second: Tensor) -> Tensor:
        r = gauss.numel() // 2
        padded = functional.pad(planes, (r, r, r, r), mode="replicate")
        # Separable: G'' down the columns of G along the rows, plus G down the columns of G'' along the rows.
        row = torch.stack([gauss, second])[:, None, None, :]
        column = torch.stack([second, gauss])[None, :, :, None]
        return functional.conv2d(functional.conv2d(padded, row), column)
