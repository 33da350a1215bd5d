"""Laws of tiles along an axis: all is kept once, far enough from every cut, in as few tiles as it takes."""

import random

import pytest

from common.networks.tile_spans import tile_spans


def draw(seed: int) -> tuple[int, int, int, int, int]:
    """Return length, tile, margin, step and divisor, of which a tile holds a step and both margins."""
    rng = random.Random(seed)
    divisor = rng.choice([1, 2, 4, 8])
    step, margin = divisor * rng.choice([1, 3, 7]), rng.randint(0, 30)
    tile = -(-(step + 2 * margin + rng.randint(0, 60)) // divisor) * divisor
    return divisor * rng.randint(1, 60), tile, margin, step, divisor


def test_every_pixel_is_kept_once_and_far_from_every_cut() -> None:
    several = 0
    for seed in range(3000):
        length, tile, margin, step, divisor = draw(seed)
        spans = tile_spans(length, tile, margin_px=margin, step_px=step, divisor=divisor)
        assert [pixel for span in spans for pixel in range(span.first, span.last)] == list(range(length))
        for start, stop, first, last in spans:
            assert start % step == 0 and (stop - start) % divisor == 0 and stop <= length
            assert 0 < stop - start <= tile and first < last
            assert start == 0 or first - start >= margin
            assert stop == length or stop - last >= margin
        if several := several + (len(spans) > 1):
            farthest = (tile - 2 * margin) // step * step
            assert len(spans) <= max(1, -(-(length - 2 * margin) // farthest))
    assert several > 1000


@pytest.mark.parametrize("length", [48, 100, 400])
def test_tiles_are_of_about_one_size(length: int) -> None:
    sizes = [stop - start for start, stop, *_ in tile_spans(length, 48, margin_px=8, step_px=4, divisor=4)]
    assert max(sizes) - min(sizes) <= 4 * len(sizes)


def test_tiles_end_where_windows_of_attention_end() -> None:
    for seed in range(300):
        length, tile, margin, step, divisor = draw(seed)
        tile = -(-tile // step) * step
        spans = tile_spans(length, tile, margin_px=margin, step_px=step, divisor=divisor)
        assert all(span.stop % step == 0 for span in spans if span.stop < length)
