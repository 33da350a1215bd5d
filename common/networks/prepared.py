"""A network on its device, in the memory layout and precision that are fast there."""

from __future__ import annotations

from types import MethodType
from typing import TypeVar

import torch
from torch import nn

from ..devices import low_precision

Network = TypeVar("Network", bound=nn.Module)


def prepare(network: Network, device: torch.device | str, *, amp: bool = True) -> Network:
    """Move a network to a device, and make it fast there.

    Channels last, which convolutions are quickest in. On a CPU that has bfloat16 in hardware: convolutions
    in bfloat16. MONAI's engines know mixed precision on CUDA alone, so that on the CPU the forward pass is
    wrapped here. Names of the weights do not change, and weights stay float32.

    Measured with one thread of an AMD EPYC with AVX-512 bfloat16, processor time against the plain network:
    images of 512 x 512 1.2 to 1.4 times faster in float32 and 2.1 to 2.5 times in bfloat16, training steps
    1.2 and 1.9 to 2 times, over `resnet18_unet`, `logsage`, `vgg16_unet` and `cascaded_unet`.

    Args:
        network: image -> maps.
        device: where it runs.
        amp: whether lower precision may be used.
    """
    device = torch.device(device)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu" and low_precision(device, amp=amp) == torch.bfloat16:
        # The class's function, bound as a method: a deep copy binds it to the copy, which then computes with
        # weights of its own.
        forward = torch.autocast("cpu", dtype=torch.bfloat16)(type(network).forward)
        network.forward = MethodType(forward, network)
    return network
