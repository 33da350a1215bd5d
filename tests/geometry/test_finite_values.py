"""What is not finite becomes the lowest value of its channel, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from common.geometry import finite_values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_holes_get_the_lowest_of_their_own_channel(value: float, dtype: type) -> None:
    whole = (
        np.random.default_rng(0).normal(size=(3, 9, 7)).astype(dtype)
        + np.array([-5, 0, 50], dtype)[:, None, None]
    )
    whole[:, 0, 0] = whole.min(axis=(1, 2)) - 1
    broken = whole.copy()
    broken[:, 2:5, 3] = value
    mended = finite_values(broken)
    expected = whole.copy()
    expected[:, 2:5, 3] = whole[:, :1, 0]
    assert mended.dtype == dtype and np.array_equal(mended, expected)
    assert not np.isfinite(broken).all()  # the array that was given stays


def test_a_channel_without_any_value_becomes_0_and_the_others_stay() -> None:
    image = np.stack([np.full((4, 4), np.nan), np.arange(16.0).reshape(4, 4)])
    assert np.array_equal(finite_values(image), np.stack([np.zeros((4, 4)), image[1]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_whole_images_are_not_copied(dtype: type) -> None:
    image = np.ones((1, 3, 3), dtype)
    assert finite_values(image) is image
