"""Outlines on images: where they are, what colour they have, that nothing else is painted."""

from __future__ import annotations

import time

import numpy as np
import pytest

from common.export import AGREED_ON_BRIGHT, AGREED_ON_DARK, PREDICTED, TRUTH, display_image, overlay
from common.geometry import outlines


def squares(height: int = 40, width: int = 50) -> np.ndarray:
    """Return two touching nuclei and one apart."""
    label_map = np.zeros((height, width), dtype=np.int32)
    label_map[4:14, 5:15] = 3
    label_map[4:14, 15:25] = 70_000
    label_map[25:35, 30:45] = 1
    return label_map


def painted(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (picture == np.array(colour, dtype=np.uint8)).all(-1)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((1, 40, 50)).astype(np.float32)


def test_pixels_off_the_outlines_are_the_displayed_image(image: np.ndarray) -> None:
    picture, outline = overlay(image, squares()), outlines(squares(), closed=True)
    assert np.array_equal(picture[~outline], display_image(image)[~outline])
    assert painted(picture, PREDICTED)[outline].all()


def test_a_perfect_prediction_shows_agreement_alone(image: np.ndarray) -> None:
    picture = overlay(image, squares(), squares())
    assert painted(picture, AGREED_ON_DARK)[outlines(squares(), closed=True)].all()
    assert not painted(picture, PREDICTED).any() and not painted(picture, TRUTH).any()


def test_a_line_off_by_one_pixel_still_agrees_and_by_three_does_not(image: np.ndarray) -> None:
    near = overlay(image, np.roll(squares(), 1, axis=1), squares())
    assert not painted(near, TRUTH).any()
    far = overlay(image, np.roll(squares(), 3, axis=1), squares())
    assert painted(far, TRUTH).any() and painted(far, PREDICTED).any()


def test_a_missed_nucleus_is_blue_and_an_invented_one_orange(image: np.ndarray) -> None:
    nothing = np.zeros_like(squares())
    missed = overlay(image, nothing, squares())
    assert np.array_equal(painted(missed, TRUTH), outlines(squares(), closed=True))
    invented = overlay(image, squares(), nothing)
    assert np.array_equal(painted(invented, PREDICTED), outlines(squares(), closed=True))


def test_agreement_is_black_on_a_stained_section() -> None:
    section = np.random.default_rng(0).integers(180, 256, (3, 40, 50)).astype(np.uint8)
    section[:, 25:35, 30:45] = np.array([90, 60, 140])[:, None, None]
    picture = overlay(section, squares(), squares())
    assert painted(picture, AGREED_ON_BRIGHT)[outlines(squares(), closed=True)].all()


def test_zoom_enlarges_the_picture_and_keeps_lines_thin(image: np.ndarray) -> None:
    picture = overlay(image, squares(), zoom=3)
    assert picture.shape == (120, 150, 3)
    line = painted(picture, PREDICTED)[3 * 30]  # a row through the nucleus that is alone
    assert line.sum() == 2


@pytest.mark.parametrize("truth", [None, squares(40, 51)])
def test_sizes_that_differ_are_refused(image: np.ndarray, truth: np.ndarray | None) -> None:
    # The shapes in the signature say it during the tests, the function's own sentence elsewhere.
    with pytest.raises(Exception, match="but the image|parameter"):
        overlay(image, squares() if truth is not None else squares(41, 50), truth)


def test_a_large_picture_takes_a_moment() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((1, 1024, 1024), dtype=np.float32)
    label_map = np.kron(np.arange(1, 1025).reshape(32, 32), np.ones((32, 32), dtype=np.int64))
    begin = time.process_time()  # of this process alone: tests run side by side
    overlay(image, label_map, label_map)
    assert time.process_time() - begin < 1  # 0.06 s on one core
