"""The memory of a network's forward pass for an image, and the largest image that fits some memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from .evaluating import evaluating
from .live_bytes import LiveBytes

__all__ = ["ForwardMemory", "measure_forward"]

# What a process takes for a byte of its tensors, at most: see `measure_forward`.
_SHARE = {"cpu": 2.4, "cuda": 1.5}
# Side of the smaller of two images that are measured; the larger is twice as wide.
_SIDE_PX = 192


class ForwardMemory(NamedTuple):
    """Bytes that a forward pass takes without gradients, as a straight line over the image's pixels."""

    fixed: float
    """Whatever the image."""
    per_pixel: float
    """For each pixel of the image, that of its maps included."""
    maps: int
    """How many maps come out."""

    def of(self, pixels: int) -> float:
        """Return the bytes for an image of some pixels."""
        return self.fixed + pixels * self.per_pixel

    def largest_area(self, free: float) -> int:
        """Return the pixels of the largest image that takes no more than some bytes; 0: none.

        Example:
            >>> ForwardMemory(fixed=100, per_pixel=8, maps=4).largest_area(900)
            100
        """
        return max(0, int((free - self.fixed) // self.per_pixel))


def measure_forward(
    network: nn.Module,
    in_channels: int,
    *,
    divisor: int,
    arguments: tuple[Any, ...] = (),
    options: dict[str, Any] | None = None,
) -> ForwardMemory:
    """Return what a forward pass takes, from two small images whose tensors are followed.

    Against the growth of a process over two passes of an image of 1024 x 1024 (bytes a pixel, memory kept by
    the C library as `common.devices.tune_cpu` has it), float32 and bfloat16:

    ==============  ============  ============  ============  ============
    bundle          tensors, f32  process, f32  tensors, b16  process, b16
    ==============  ============  ============  ============  ============
    resnet18_unet            576           848           290           440
    logsage                  545           890           274           525
    vgg16_unet               736          1196           374           576
    unet                    1042          1540           811           963
    cascaded_unet           1024          1578           710          1214
    attention_unet           772          1441           388           788
    swin_unetr               715          1259           470          1088
    ==============  ============  ============  ============  ============

    A process takes 1.2 to 2.3 times its tensors: what is said is 2.4 times. On a GPU it was not compared.

    Args:
        network: image -> maps; its mode is afterwards what it was.
        in_channels: channels of the image.
        divisor: heights and widths are multiples of it.
        arguments: further arguments of the network.
        options: further arguments by name.
    """
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    side = -(-_SIDE_PX // divisor) * divisor
    peaks = []
    with torch.no_grad(), evaluating(network):
        for width in (side, 2 * side):
            image = torch.zeros(1, in_channels, side, width, device=device)
            with LiveBytes() as live:
                count = network(image, *arguments, **(options or {})).shape[1]
            peaks.append(live.peak)
    share = _SHARE.get(device.type, 1.0)
    per_pixel = max(peaks[1] - peaks[0], 1) / side**2
    return ForwardMemory(share * max(0.0, peaks[0] - per_pixel * side**2), share * per_pixel, count)
