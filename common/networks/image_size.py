"""The sizes of images that a network takes."""

from __future__ import annotations

from torch import Tensor


def check_size(image: Tensor, divisor: int) -> None:
    """Refuse an image whose height or width a network cannot halve as often as it must.

    Args:
        image: what the network is given.
        divisor: what height and width must be multiples of.

    Shapes:
        image: (b, c, h, w).

    Raises:
        ValueError: naming the size that fits.

    Example:
        >>> import torch
        >>> check_size(torch.zeros(1, 1, 32, 30), 8)
        Traceback (most recent call last):
        ValueError: width 30 is not a multiple of 8: pad to 32
    """
    height, width = image.shape[-2:]
    for name, size in (("height", height), ("width", width)):
        if size % divisor:
            raise ValueError(
                f"{name} {size} is not a multiple of {divisor}: pad to {-(-size // divisor) * divisor}"
            )
