"""Pixels inside polygons and ellipses: what was outlined comes back, whichever way it was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk
from skimage.measure import find_contours

from common.geometry import ellipse_corners, outline_pixels, outline_runs

SHAPE = (40, 60)


def mask(corners: np.ndarray) -> np.ndarray:
    pixels = np.zeros(SHAPE[0] * SHAPE[1], bool)
    pixels[outline_pixels(corners, SHAPE)] = True
    return pixels.reshape(SHAPE)


def test_a_rectangle_covers_its_pixels_from_any_corner_in_both_directions() -> None:
    corners = np.array([[10, 5], [17, 5], [17, 9], [10, 9]])
    expected = np.zeros(SHAPE, bool)
    expected[5:9, 10:17] = True
    for start in range(4):
        turned = np.roll(corners, start, axis=0)
        assert (mask(turned) == expected).all() and (mask(turned[::-1]) == expected).all()
        assert (mask(np.vstack([turned, turned[:1]])) == expected).all()


@pytest.mark.parametrize(("row", "column", "radius"), [(10, 12, 8), (20.5, 28, 7.5), (30, 45, 3)])
def test_an_outline_drawn_around_a_disc_gives_it_back(row: float, column: float, radius: float) -> None:
    truth = np.zeros(SHAPE, bool)
    truth[disk((row, column), radius)] = True
    (contour,) = find_contours(np.pad(truth, 1).astype(float), 0.5)
    assert (mask(contour[:, ::-1] - 0.5) == truth).all()  # padded by 1, pixel centres at .5


def test_what_lies_outside_is_cut_off() -> None:
    found = mask(np.array([[-3, -3], [5, -3], [5, 5], [-3, 5]]))
    assert found[:5, :5].all() and found.sum() == 25
    assert outline_pixels([[100, 100], [110, 100], [110, 110]], SHAPE).size == 0


@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("radii", [(14.0, 6.0), (9.3, 9.3)])
def test_an_ellipse_is_where_its_equation_says(angle: float, radii: tuple[float, float]) -> None:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([29.7, 20.2])
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * radii @ turn + centre
    x, y = np.meshgrid(np.arange(SHAPE[1]) + 0.5, np.arange(SHAPE[0]) + 0.5)
    along, across = turn @ (np.stack([x, y]).reshape(2, -1) - centre[:, None])
    distance = np.hypot(along / radii[0], across / radii[1]).reshape(SHAPE)
    found = mask(ellipse_corners(box))
    assert found[distance < 0.999].all() and not found[distance > 1].any()


def test_two_opposite_corners_of_an_ellipse_are_as_good_as_four() -> None:
    four = ellipse_corners([[3, 4], [13, 4], [13, 24], [3, 24]])
    two = ellipse_corners([[13, 24], [3, 4]])
    assert (mask(four) == mask(two)).all() and mask(two).sum() == pytest.approx(np.pi * 5 * 10, rel=0.03)
    with pytest.raises(ValueError, match="four corners of its rectangle, not 3"):
        ellipse_corners([[0, 0], [1, 0], [1, 1]])


@pytest.mark.parametrize("seed", range(30))
def test_runs_are_the_same_pixels_as_one_by_one(seed: int) -> None:
    draw = np.random.default_rng(seed)
    outer, hole = draw.uniform(-20, 80, (7, 2)), draw.uniform(0, 40, (4, 2))
    inside = np.zeros(SHAPE, bool)
    for row, first, past in zip(*outline_runs([outer, np.vstack([hole, hole[:1]])], SHAPE), strict=True):
        assert not inside[row, first:past].any()
        inside[row, first:past] = True
    assert np.array_equal(inside, mask(outer) ^ mask(hole)), "holes are what an even number is around"


def test_runs_of_what_holds_no_pixel_centre() -> None:
    for ring in ([[1, 1], [1.2, 1], [1.2, 1.2]], [[-9, 3], [-2, 3], [-2, 9]], [[3, 3], [9, 3]]):
        assert [each.size for each in outline_runs([ring], SHAPE)] == [0, 0, 0]
    with pytest.raises(ValueError):
        outline_runs([[]], SHAPE)
