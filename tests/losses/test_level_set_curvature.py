"""Laws of the curvature of level lines."""

import math

import pytest
import torch
from drawn_nuclei import disc
from scipy.ndimage import gaussian_filter1d

from common.losses import level_set_curvature
from common.losses.gaussian_matrix import gaussian_matrix


@pytest.mark.parametrize("radius", [4, 6, 8, 12, 20, 30])
@pytest.mark.parametrize("shift", [0.0, 0.37])
def test_disc_has_curvature_one_over_radius(radius: float, shift: float) -> None:
    curvature, weight = level_set_curvature(disc(radius, 48 + shift, 48 - shift / 2))
    mean = float((curvature * weight).sum() / weight.sum())
    # Smoothing shrinks a small disc's level line: sqrt(radius^2 - sigma^2), in the first order.
    assert mean == pytest.approx(1 / math.sqrt(radius**2 - 1.5**2), rel=0.05)


def test_hole_has_the_opposite_curvature() -> None:
    bright, weight = level_set_curvature(disc(9))
    dark, dark_weight = level_set_curvature(1 - disc(9))
    torch.testing.assert_close(weight, dark_weight, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close((bright * weight).sum(), -(dark * weight).sum(), rtol=1e-3, atol=1e-4)


def test_weights_measure_the_contour_in_pixels() -> None:
    _, weight = level_set_curvature(disc(20).double(), edge_contrast=1e-6)
    # Central differences find a blurred edge about 4 % flatter than it is.
    assert float(weight.sum()) == pytest.approx(2 * math.pi * 20, rel=0.05)


def test_smoothing_is_a_gaussian_with_repeated_ends() -> None:
    for n, sigma in ((40, 1.5), (5, 2.0), (1, 1.0)):  # longer and shorter than the kernel
        line = torch.rand(n, dtype=torch.float64)
        smooth = (gaussian_matrix(n, sigma, line) @ line)[1:-1]
        expected = torch.from_numpy(gaussian_filter1d(line.numpy(), sigma, mode="nearest"))
        torch.testing.assert_close(smooth, expected)


def test_the_image_border_gives_no_curvature() -> None:
    r, c = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    edge = torch.sigmoid(2 * (r * 0.8 + c * 0.6 - 60))[None, None]  # a straight line, cut by two sides
    curvature, weight = level_set_curvature(edge)
    assert float(weight[..., :5, :].sum() + weight[..., -5:, :].sum()) == 0
    assert float(weight[..., :5].sum() + weight[..., -5:].sum()) == 0
    half_a_bin = 0.7 / 32
    assert float((curvature.abs() * weight).sum() / weight.sum()) < half_a_bin
