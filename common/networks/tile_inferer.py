"""Images of any size through a network that wants multiples of a divisor: padding, and tiles if large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer, sliding_window_inference
from torch import Tensor
from torch.nn import functional


class TileInferer(Inferer):
    """Pad an image to a multiple of the divisor and run it whole, or in overlapping tiles if it is large.

    MONAI's SlidingWindowInferer pads every image up to the size of a tile: four times the work for a 256 px
    image and a 512 px tile. This one shrinks the tile to the image, height and width each by itself.

    Args:
        tile_px: side of the largest piece that the network sees at once.
        divisor: heights and widths are padded to a multiple of it, by mirroring where the image is large
            enough.
        overlap: overlap of neighbouring tiles, as a fraction of the tile.
        tiles_per_batch: tiles that run at once.
        padding: "mirror"; or "zero", as some papers have it: black, also beside a white slide, and up to a
            multiple of the tile where the image is larger than one.

    Shapes:
        inputs: (b, c, h, w).
        returns: (b, k, h, w) float32.

    Raises:
        ValueError: the tile is not a multiple of the divisor, or there is no such padding.
    """

    def __init__(
        self,
        tile_px: int = 512,
        *,
        divisor: int = 32,
        overlap: float = 0.25,
        tiles_per_batch: int = 4,
        padding: str = "mirror",
    ) -> None:
        super().__init__()
        if padding not in ("mirror", "zero"):
            raise ValueError(f"padding is {padding!r}: choose mirror or zero")
        if tile_px % divisor:
            raise ValueError(
                f"tile_px {tile_px} is not a multiple of {divisor}: try {tile_px // divisor * divisor}"
            )
        self.tile_px, self.divisor = tile_px, divisor
        self.overlap, self.tiles_per_batch, self.padding = overlap, tiles_per_batch, padding

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Return the network's maps at the size of the image; further arguments go to the network."""
        height, width = inputs.shape[-2:]
        units = [
            self.tile_px if self.padding == "zero" and n > self.tile_px else self.divisor
            for n in (height, width)
        ]
        size = [-(-n // unit) * unit for n, unit in zip((height, width), units, strict=True)]
        pad = (0, size[1] - width, 0, size[0] - height)
        fits = pad[1] < width and pad[3] < height
        mode = "constant" if self.padding == "zero" else "reflect" if fits else "replicate"
        padded = functional.pad(torch.as_tensor(inputs), pad, mode=mode)
        if max(size) <= self.tile_px:
            maps = network(padded, *args, **kwargs)
        else:
            maps = sliding_window_inference(
                padded,
                [min(self.tile_px, n) for n in size],
                self.tiles_per_batch,
                lambda tiles: network(tiles, *args, **kwargs).float(),
                overlap=self.overlap,
                mode="gaussian",
            )
        return maps[..., :height, :width].float()
