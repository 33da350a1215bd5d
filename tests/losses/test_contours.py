"""Contours are those of scikit-image, closed, the inside to their left, and follow the pixels' values."""

import numpy as np
import pytest
import torch
from drawn_nuclei import disc, nuclei
from scipy.ndimage import gaussian_filter, label
from skimage.measure import find_contours
from torch import Tensor

from common.losses import Contours, trace_contours
from common.losses.contours import SOFT


def random_field(*shape: int, seed: int = 0, smooth: float = 1.0) -> Tensor:
    noise = np.random.default_rng(seed).random(shape)
    field = gaussian_filter(noise, [0, 0, smooth, smooth])
    return torch.from_numpy((field - field.min()) / (field.max() - field.min()))


def contours_of(contours: Contours) -> list[list[int]]:
    """The cycles of `following`."""
    following, left, found = contours.following.tolist(), set(range(len(contours.image))), []
    while left:
        cycle = [min(left)]
        while (point := following[cycle[-1]]) != cycle[0]:
            cycle.append(point)
        found.append(cycle)
        left -= set(cycle)
    return found


@pytest.mark.parametrize("smooth", [0.0, 1.0, 2.0])
def test_agrees_with_scikit_image(smooth: float) -> None:
    field = random_field(1, 1, 23, 31, smooth=smooth)
    contours = trace_contours(field)
    ours = {frozenset(cycle) for cycle in contours_of(contours)}
    theirs = find_contours(np.pad(field[0, 0].numpy(), 1), 0.5, fully_connected="low")
    assert len(ours) == len(theirs) > 1
    # How far a crossing is drawn to the middle of its two pixels where they hardly differ.
    padded = torch.nn.functional.pad(field[0, 0], (1, 1, 1, 1))
    row, column = (contours.pixels + 1).unbind(2)
    contrast = padded[row, column].diff(dim=1)[:, 0]
    reach = SOFT**2 / (2 * (contrast**2 + SOFT**2)) + 1e-9
    for contour in theirs:
        assert (contour[0] == contour[-1]).all(), "the padding closes every contour"
        points = torch.from_numpy(contour[:-1] - 1)
        near = (torch.cdist(points, contours.points) <= reach).nonzero()
        matches = {int(point) for _, point in near}
        assert any(len(cycle) == len(points) and cycle <= matches for cycle in ours)


def test_every_point_has_one_before_and_one_after_it_in_the_same_cell() -> None:
    contours = trace_contours(random_field(3, 1, 20, 27, smooth=0.7))
    n = len(contours.image)
    assert sorted(contours.following.tolist()) == list(range(n))
    steps = contours.points[contours.following] - contours.points
    assert float(steps.abs().max()) <= 1
    assert (contours.image[contours.following] == contours.image).all()


def test_the_inside_is_to_the_left() -> None:
    """The area that a contour goes around is positive for nuclei and negative for holes."""
    field = nuclei(7, 5).amax(1, keepdim=True)
    field[..., 24:28, 15:18] = 0  # a hole
    contours = trace_contours(field)
    row, column = contours.points.unbind(1)
    next_row, next_column = contours.points[contours.following].unbind(1)
    area = (row * next_column - next_row * column) / 2
    areas = [float(area[cycle].sum()) for cycle in contours_of(contours)]
    assert sum(a > 0 for a in areas) == label(field[0, 0].numpy())[1]
    assert sum(a < 0 for a in areas) == 1
    # The corners of pixels are cut by 1/8, outward ones of the mask and inward ones.
    assert sum(areas) == pytest.approx(float(field.sum()), rel=0.05)


def test_a_batch_is_its_images() -> None:
    field = random_field(3, 1, 15, 18, seed=1)
    field[1] = 0  # an image without contours between two with some
    together = trace_contours(field)
    for number, image in enumerate(field):
        alone, chosen = trace_contours(image[None]), together.image == number
        torch.testing.assert_close(together.points[chosen], alone.points)
        following = together.points[together.following[chosen]]
        torch.testing.assert_close(following, alone.points[alone.following])


def test_points_lie_where_the_line_between_two_pixels_is_one_half() -> None:
    field = torch.zeros(1, 1, 1, 4, dtype=torch.float64)
    field[0, 0, 0, 1:3] = torch.tensor([0.9, 0.7])
    right = (trace_contours(field).points[:, 1] > 1.5) & (trace_contours(field).points[:, 0] == 0)
    assert trace_contours(field).points[right, 1].item() == pytest.approx(2 + 0.2 / 0.7, abs=1e-4)


def test_gradients_agree_with_finite_differences() -> None:
    field = random_field(2, 1, 6, 7, smooth=0.8).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: trace_contours(f).points, field, eps=1e-7)


def test_nearly_equal_pixels_have_a_bounded_gradient() -> None:
    field = (0.5 + 1e-9 * torch.sign(torch.randn(1, 1, 12, 12).double())).requires_grad_()
    trace_contours(field).points.sum().backward()
    assert field.grad is not None and float(field.grad.abs().max()) < 4 / SOFT


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_nothing_above_one_half_has_no_contour(value: float) -> None:
    contours = trace_contours(torch.full((2, 1, 5, 3), value))
    assert contours.points.shape == (0, 2) and contours.following.shape == (0,)


def test_the_whole_image_is_one_contour_around_it() -> None:
    contours = trace_contours(torch.ones(1, 1, 5, 3))
    assert len(contours_of(contours)) == 1
    assert len(contours.image) == 2 * (5 + 3)
    outside = contours.pixels[:, 1]
    assert ((outside == -1) | (outside == torch.tensor([5, 3]))).any(1).all()


def test_nuclei_that_touch_by_a_corner_are_two() -> None:
    field = torch.zeros(1, 1, 8, 8)
    field[..., 1:4, 1:4] = field[..., 4:7, 4:7] = 1
    assert len(contours_of(trace_contours(field))) == 2
    assert len(contours_of(trace_contours(disc(9)))) == 1
