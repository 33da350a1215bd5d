"""Images of any size through a network that wants multiples of a divisor: whole, or in tiles if too large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from monai.inferers import Inferer, sliding_window_inference
from monai.utils import convert_to_dst_type
from torch import Tensor
from torch.nn import functional

from ..devices import free_memory
from .known_networks import Call, memory_of, reach_of
from .tile_spans import TileSpan, tile_spans

AUTO = "auto"
# Of the memory that is free beside the maps, tiles take so much: decoding and other programs take theirs.
_SHARE = 0.5
# What fits every machine that trains: not asked, and what is taken where the system does not tell its memory.
_SMALL_PX, _UNKNOWN_PX = 512, 1024
# The network's widest layers must have fewer than 2^31 numbers; and larger tiles win nothing any more.
_LARGEST_PX = 4096
# No bundle's network sees further but for instance norm, which sees everything.
_FARTHEST_PX = 320


class TileInferer(Inferer):
    """Run an image whole if the memory carries it, else in tiles that overlap by what the network sees.

    The image is padded to a multiple of the divisor, no further. Tiles are the largest that take half of the
    free memory, at most 4096 x 4096 pixels: what a forward pass takes is measured once for each network, see
    `common.probes.measure_forward`. Where the system does not tell its memory they are of 1024 x 1024.

    Of each tile the part is kept that lies as far from its edges as the network's theoretical receptive field
    reaches, found once for each network, see `common.probes.reach_px`: maps are those of the whole image,
    without weights and sums. They differ slightly in two cases. In a tile of less than four times that reach
    only a quarter is given up at each edge. And a network whose field has no end, by instance norm, gets the
    320 px that no other bundle's network exceeds.

    The maps, float32 and of the image's size, are the one thing that grows with the image: 16 bytes a pixel
    for four of them, 6.4 GB for 20,000 x 20,000; on a GPU that they do not fit they are kept on the CPU.

    MONAI's SlidingWindowInferer pads every image up to the size of a tile, gives each tile's pixels a weight
    by their distance from its middle, and keeps the sum of the weights as well.

    Args:
        tile_px: side of the largest piece that the network sees at once, or "auto": by the free memory.
        divisor: heights and widths are padded to a multiple of it, by mirroring where the image is large
            enough.
        step_px: tiles begin at multiples of it; None: of the divisor. A network with attention in windows
            wants the size of its windows, in pixels of the image at the coarsest scale that has them, else
            they lie otherwise in a tile than in the whole image.
        overlap: None: by the receptive field. Or a fraction of a tile of `tile_px` pixels: tiles are then
            blended, as MONAI's are.
        tiles_per_batch: tiles that run at once where they are blended.
        padding: "mirror"; or "zero", as some papers have it: black, also beside a white slide, and up to a
            multiple of the tile where the image is larger than one.

    Shapes:
        inputs: (b, c, h, w).
        returns: (b, k, h, w) float32.

    Raises:
        ValueError: the tile or the step is not a multiple of the divisor, there is no such padding, or tiles
            of no given size shall overlap by a fraction.
    """

    def __init__(
        self,
        tile_px: int | str = AUTO,
        *,
        divisor: int = 32,
        step_px: int | None = None,
        overlap: float | None = None,
        tiles_per_batch: int = 4,
        padding: str = "mirror",
    ) -> None:
        super().__init__()
        if padding not in ("mirror", "zero"):
            raise ValueError(f"padding is {padding!r}: choose mirror or zero")
        step_px = divisor if step_px is None else step_px
        for name, value in (("tile_px", tile_px), ("step_px", step_px)):
            if value != AUTO or name != "tile_px":
                _check_multiple(name, value, divisor)
        if overlap is not None and tile_px == AUTO:
            raise ValueError(
                f'overlap is {overlap} of tile_px "auto": give tile_px a number, or leave it out'
            )
        self.tile_px = None if isinstance(tile_px, str) else tile_px
        self.divisor, self.step_px = divisor, step_px
        self.overlap, self.tiles_per_batch, self.padding = overlap, tiles_per_batch, padding

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Return the network's maps at the size of the image; further arguments go to the network."""
        image = torch.as_tensor(inputs).as_subclass(Tensor)
        call = Call(network, args, kwargs)
        if self.overlap is not None:
            maps = self._blended(image, call)
        else:
            maps = self._kept(image, call, *self._spans(image, call))
        return maps if type(inputs) is Tensor else convert_to_dst_type(maps, inputs, device=maps.device)[0]

    def tiles(
        self, image: Tensor, network: Callable[..., Tensor]
    ) -> Iterator[tuple[Tensor, TileSpan, TileSpan]]:
        """Yield what a network sees of an image, tile after tile, and where that lies along both axes.

        They are the tiles of `__call__`, but for those that are blended by a fraction.

        Args:
            image: the image.
            network: tells how far it sees and what memory it takes.

        Shapes:
            image: (b, c, h, w).
            tile: (b, c, h', w'), padded to multiples of the divisor.
        """
        rows, columns = self._spans(image, Call(network))
        yield from self._tiles(image, rows, columns)

    def _tiles(
        self, image: Tensor, rows: list[TileSpan], columns: list[TileSpan]
    ) -> Iterator[tuple[Tensor, TileSpan, TileSpan]]:
        for row in rows:
            for column in columns:
                tile = image[..., row.start : row.stop, column.start : column.stop]
                yield self._padded(tile, (row.stop - row.start, column.stop - column.start)), row, column

    def _size(self, image: Tensor) -> tuple[int, int]:
        """Return height and width with padding."""
        black = self.tile_px if self.padding == "zero" else None
        units = [black if black and n > black else self.divisor for n in image.shape[-2:]]
        height, width = (-(-n // unit) * unit for n, unit in zip(image.shape[-2:], units, strict=True))
        return height, width

    def _spans(self, image: Tensor, call: Call) -> list[list[TileSpan]]:
        """Return the tiles along the rows and along the columns."""
        size = self._size(image)
        tile = (self.tile_px,) * 2 if self.tile_px else self._largest_tile(size, image, call)
        spans = []
        for length, side in zip(size, tile, strict=True):
            side = min(length, side)
            step = self.step_px if self.step_px <= side // 2 else self.divisor
            margin = 0
            if side < length:
                # A window of attention that a tile cuts would hold other pixels there.
                side = side // step * step
                # What is given up at both edges leaves at least a step, on which the next tile begins.
                reach = reach_of(
                    call, image, divisor=self.divisor, step_px=self.step_px, limit_px=_FARTHEST_PX
                )
                margin = min(reach, side // 4, (side - step) // 2)
            spans.append(tile_spans(length, side, margin_px=margin, step_px=step, divisor=self.divisor))
        return spans

    def _largest_tile(self, size: tuple[int, int], image: Tensor, call: Call) -> tuple[int, int]:
        """Return height and width of the largest tile for the free memory: the image's own if it fits."""
        area = _SMALL_PX**2
        if math.prod(size) > area:
            area = min(max(area, self._free_area(image, call)), _LARGEST_PX**2)
        if math.prod(size) <= area:
            return size
        short = min(*size, math.isqrt(area))
        sides = [short if n == min(size) else area // short for n in size]
        if size[0] == size[1]:
            sides = [short, short]
        height, width = (max(self.divisor, side // self.divisor * self.divisor) for side in sides)
        return height, width

    def _free_area(self, image: Tensor, call: Call) -> int:
        """Return how many pixels a tile may have by the memory that is free beside the maps."""
        free = free_memory(image.device)
        memory = memory_of(call, image, divisor=self.divisor)
        if free is None or memory is None:
            return _UNKNOWN_PX**2
        maps = memory.maps * image[:, 0].numel() * torch.float32.itemsize
        return memory.largest_area(_SHARE * (free - maps)) // len(image)

    def _kept(self, image: Tensor, call: Call, rows: list[TileSpan], columns: list[TileSpan]) -> Tensor:
        """Run the tiles one after another, and put what is kept of each in its place."""
        height, width = image.shape[-2:]
        maps = None
        for tile, row, column in self._tiles(image, rows, columns):
            found = call(tile)
            if len(rows) == len(columns) == 1:
                return found[..., :height, :width].float()
            if maps is None:
                maps = _room_for(found.shape[1], image)
            last, end = min(row.last, height), min(column.last, width)
            kept = found[..., row.first - row.start : last - row.start, :]
            kept = kept[..., column.first - column.start : end - column.start]
            maps[..., row.first : last, column.first : end] = kept
        assert maps is not None
        return maps

    def _padded(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = image.shape[-2:]
        pad = (0, size[1] - width, 0, size[0] - height)
        if not any(pad):
            return image
        fits = pad[1] < width and pad[3] < height
        mode = "constant" if self.padding == "zero" else "reflect" if fits else "replicate"
        return functional.pad(image, pad, mode=mode)

    def _blended(self, image: Tensor, call: Call) -> Tensor:
        height, width = image.shape[-2:]
        size = self._size(image)
        padded = self._padded(image, size)
        assert self.tile_px is not None and self.overlap is not None
        if max(size) <= self.tile_px:
            return call(padded)[..., :height, :width].float()
        maps = sliding_window_inference(
            padded,
            [min(self.tile_px, n) for n in size],
            self.tiles_per_batch,
            lambda tiles: call(tiles).float(),
            overlap=self.overlap,
            mode="gaussian",
        )
        return torch.as_tensor(maps)[..., :height, :width].float()


def _check_multiple(name: str, value: int | str, divisor: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f'{name} is {value!r}: give a number of pixels, or "{AUTO}" for tile_px')
    if value % divisor:
        near = max(divisor, value // divisor * divisor)
        raise ValueError(f"{name} {value} is not a multiple of {divisor}: try {near}")


def _room_for(maps: int, image: Tensor) -> Tensor:
    """Make a tensor for the maps of an image, beside it or, where a GPU has no room for it, on the CPU."""
    shape = (len(image), maps, *image.shape[-2:])
    free = free_memory(image.device)
    fits = free is None or math.prod(shape) * torch.float32.itemsize < _SHARE * free
    device = image.device if fits else torch.device("cpu")
    return torch.empty(shape, dtype=torch.float32, device=device)
