"""Where tiles lie along an axis of an image, and which pixels of each are kept."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TileSpan", "tile_spans"]


class TileSpan(NamedTuple):
    """One tile along one axis, in pixels of the image."""

    start: int
    """First pixel that the network sees."""
    stop: int
    """One behind the last."""
    first: int
    """First pixel whose maps are kept."""
    last: int
    """One behind the last."""


def tile_spans(length: int, tile_px: int, *, margin_px: int, step_px: int, divisor: int) -> list[TileSpan]:
    """Cover an axis with as few tiles as possible, of about the same size.

    What is kept of each tile is `margin_px` or more away from its edges, but for the image's own; together
    that is every pixel once. Tiles begin at multiples of `step_px`, where the whole image's windows of
    attention and pooled pixels begin too, and end there where the largest tile is such a multiple.

    Args:
        length: pixels of the axis, a multiple of the divisor.
        tile_px: the largest tile, a multiple of the divisor.
        margin_px: how far a network sees beyond what is kept.
        step_px: a multiple of the divisor, at most `tile_px - 2 * margin_px`.
        divisor: sizes of tiles are multiples of it.
    """
    if length <= tile_px:
        return [TileSpan(0, length, 0, length)]
    farthest = (tile_px - 2 * margin_px) // step_px * step_px
    count = _count(length, farthest, margin_px)
    stride = -(-(length - 2 * margin_px) // (count * step_px)) * step_px
    count = _count(length, stride, margin_px)
    size = -(-(stride + 2 * margin_px) // step_px) * step_px
    if size > tile_px:
        size = -(-(stride + 2 * margin_px) // divisor) * divisor
    starts = [i * stride for i in range(count)]
    stops = [min(start + size, length) for start in starts]
    cuts = [(start + stop) // 2 for start, stop in zip(starts[1:], stops, strict=False)]
    return [TileSpan(*span) for span in zip(starts, stops, [0, *cuts], [*cuts, length], strict=True)]


def _count(length: int, stride: int, margin_px: int) -> int:
    # The last tile keeps its end, too.
    return max(1, -(-(length - 2 * margin_px) // stride))
