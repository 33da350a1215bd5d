"""Pixels kept as runs come back, and tell which sets overlap as counting pixel by pixel does."""

from __future__ import annotations

import numpy as np
import pytest

from common.conversions.formats import pixel_runs
from common.conversions.formats.pixel_runs import PixelRuns


def drawn(seed: int) -> tuple[list[np.ndarray], tuple[int, int]]:
    draw = np.random.default_rng(seed)
    shape = (int(draw.integers(1, 12)), int(draw.integers(1, 12)))
    share = draw.choice([0.0, 0.1, 0.7, 1.0], 6)
    return [np.flatnonzero(draw.random(shape) < each) for each in share], shape


@pytest.mark.parametrize("seed", range(20))
def test_every_set_comes_back(seed: int) -> None:
    sets, shape = drawn(seed)
    runs = PixelRuns(shape)
    for pixels in sets:
        runs.append(pixels)
    assert runs.sizes.tolist() == [pixels.size for pixels in sets]
    for found in (list(runs), [runs[-6 + place] for place in range(6)], list(runs[:])):
        assert all(np.array_equal(*pair) for pair in zip(found, sets, strict=True))
    some = runs.take([4, 1])
    runs.append(np.array([0]))  # what was taken stays
    assert [pixels.tolist() for pixels in some] == [sets[4].tolist(), sets[1].tolist()]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("at_once", [1, 30, 10_000])
def test_shared_pixels_are_counted(monkeypatch: pytest.MonkeyPatch, seed: int, at_once: int) -> None:
    monkeypatch.setattr(pixel_runs, "_PIXELS_AT_ONCE", at_once)
    sets, shape = drawn(seed)
    runs = PixelRuns(shape)
    for pixels in sets:
        runs.append(pixels)
    expected = {
        (one, other): count
        for one, first in enumerate(sets)
        for other, second in enumerate(sets)
        if one != other and (count := len(np.intersect1d(first, second)))
    }
    one, other, pixels = runs.shared()
    assert dict(zip(zip(one.tolist(), other.tolist(), strict=True), pixels.tolist(), strict=True)) == expected


def test_nothing_shares_nothing() -> None:
    assert [each.tolist() for each in PixelRuns((0, 0)).shared()] == [[], [], []]
