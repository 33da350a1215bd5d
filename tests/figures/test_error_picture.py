"""Error pictures: each pixel has the colour of what it is, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from common.figures import ERROR_COLOURS, error_picture

RNG = np.random.default_rng(0)
TRUTH, FOUND = RNG.random((2, 30, 40)) < 0.4


def where(picture: np.ndarray, name: str) -> np.ndarray:
    return (picture == ERROR_COLOURS[name]).all(axis=-1)


def test_the_four_kinds_of_pixel_have_the_four_colours_of_the_paper() -> None:
    picture = error_picture(np.array([[True, False, False, True]]), np.array([[True, False, True, False]]))
    green, black, yellow, red = picture[0].astype(int)
    assert green[1] > 2 * max(green[0], green[2]) and not black.any()
    assert min(yellow[:2]) > 200 > yellow[2] and red[0] > 200 > red[1:].max()


def test_each_colour_is_where_its_kind_of_pixel_is() -> None:
    picture = error_picture(TRUTH, FOUND)
    assert picture.dtype == np.uint8 and picture.shape == (30, 40, 3)
    assert np.array_equal(where(picture, "true positive"), TRUTH & FOUND)
    assert np.array_equal(where(picture, "true negative"), ~(TRUTH | FOUND))
    assert np.array_equal(where(picture, "false positive"), FOUND & ~TRUTH)
    assert np.array_equal(where(picture, "false negative"), TRUTH & ~FOUND)


def test_truth_and_prediction_swapped_swap_the_two_kinds_of_error() -> None:
    one, other = error_picture(TRUTH, FOUND), error_picture(FOUND, TRUTH)
    assert np.array_equal(where(one, "false positive"), where(other, "false negative"))
    assert np.array_equal(where(one, "true positive"), where(other, "true positive"))


def test_the_colours_differ_in_lightness_too() -> None:
    lightness = sorted(np.dot(rgb, (0.299, 0.587, 0.114)) for rgb in ERROR_COLOURS.values())
    assert np.diff(lightness).min() > 15 and len(lightness) == 4


def test_masks_of_different_sizes_are_refused() -> None:
    # The shapes in the signature say it during the tests, the function's own sentence elsewhere.
    with pytest.raises(Exception, match=r"\(30, 40\).*\(30, 39\)|parameter"):
        error_picture(TRUTH, FOUND[:, 1:])
