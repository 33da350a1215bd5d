"""A multiplex image in colours: each channel in its own, laid over each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped, UInt8

from .display import display_image

__all__ = ["composite_image"]


def composite_image(
    image: Shaped[np.ndarray, "c h w"], colours: Sequence[tuple[int, int, int]]
) -> UInt8[np.ndarray, "h w 3"]:
    """Show every channel in a colour of its own, its contrast stretched by itself; colours add up like light.

    Args:
        image: any type and range, see `display_image`.
        colours: red, green and blue of each channel where it is brightest.

    Shapes:
        image: (C, H, W).
        returns: (H, W, 3), uint8.

    Raises:
        ValueError: if there are not as many colours as channels.

    Example:
        >>> image = np.zeros((2, 8, 8))
        >>> image[0, 0, :], image[1, :, 0] = 1, 1
        >>> shown = composite_image(image, [(255, 0, 0), (0, 0, 255)])
        >>> [shown[place].tolist() for place in ((0, 1), (1, 0), (0, 0), (1, 1))]
        [[255, 0, 0], [0, 0, 255], [255, 0, 255], [0, 0, 0]]
    """
    if len(colours) != len(image):
        raise ValueError(f"{len(colours)} colours for {len(image)} channels: give one for each")
    light = sum(
        display_image(channel[None]).astype(np.float32) / 255 * np.array(colour, np.float32)
        for channel, colour in zip(image, colours, strict=True)
    )
    return np.rint(np.clip(light, 0, 255)).astype(np.uint8)
