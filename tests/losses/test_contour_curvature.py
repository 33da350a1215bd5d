"""Laws of the curvature along contours."""

import math

import pytest
import torch
from drawn_nuclei import disc, nuclei
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from common.losses import contour_curvature, curvature_at, level_set_curvature, trace_contours
from common.losses.contour_curvature import POINTS_PER_PX, _derivative_kernels


def mean(curvature: Tensor, weight: Tensor) -> float:
    return float((curvature * weight).sum() / weight.sum())


@pytest.mark.parametrize("radius", [4, 6, 8, 12, 20, 30])
@pytest.mark.parametrize("shift", [0.0, 0.37])
def test_disc_has_curvature_one_over_radius(radius: float, shift: float) -> None:
    field = disc(radius, 48 + shift, 48 - shift / 2)
    curvature, weight, _ = contour_curvature(field, edge_contrast=1e-6)
    # Along a circle the Gaussian shrinks the radius by exp(-sigma^2 / 2 radius^2).
    assert mean(curvature, weight) == pytest.approx(math.exp(1.5**2 / (2 * radius**2)) / radius, rel=0.03)
    length = 2 * math.pi * radius * math.exp(-(1.5**2) / (2 * radius**2))
    assert float(weight.sum()) == pytest.approx(length, rel=0.03)


@pytest.mark.parametrize("radius", [5, 8, 14, 25])
@pytest.mark.parametrize("smoothing_px", [1.5, 2.0])
def test_agrees_with_level_sets_on_discs(radius: float, smoothing_px: float) -> None:
    field = disc(radius, 47.7, 48.2)
    curvature, weight, _ = contour_curvature(field, smoothing_px=smoothing_px)
    expected = mean(*level_set_curvature(field, smoothing_px=smoothing_px))
    assert mean(curvature, weight) == pytest.approx(expected, rel=0.03)


def test_hole_has_the_opposite_curvature() -> None:
    hole, nucleus = (contour_curvature(f, edge_contrast=1e-6)[:2] for f in (1 - disc(9), disc(9)))
    assert mean(*hole) == pytest.approx(-mean(*nucleus), rel=1e-3)


def test_derivatives_are_those_of_a_gaussian_on_a_closed_line() -> None:
    """The whole curvature against Eq. 1 on a line that is put in order and filtered by scipy."""
    contours = trace_contours(disc(11, 46.2, 49.9).double())
    n, order = len(contours.image), [0]
    while len(order) < n:
        order.append(int(contours.following[order[-1]]))
    line, sigma = contours.points[order].numpy(), 2 * POINTS_PER_PX
    dr, ddr, dc, ddc = (
        gaussian_filter1d(line[:, axis], sigma, order=k, mode="wrap", truncate=6)
        for axis in (0, 1)
        for k in (1, 2)
    )
    expected = torch.from_numpy((dr * ddc - dc * ddr) / (dr**2 + dc**2) ** 1.5)
    curvature, speed = curvature_at(contours, torch.tensor(order), smoothing_px=2)
    torch.testing.assert_close(curvature, expected, rtol=2e-3, atol=2e-4)
    torch.testing.assert_close(speed, torch.from_numpy((dr**2 + dc**2) ** 0.5), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.7, 1.9, 4.0])
def test_kernels_are_exact_on_parabolas(sigma: float) -> None:
    first, second = _derivative_kernels(sigma, torch.zeros(0, dtype=torch.float64))
    k = torch.arange(len(first), dtype=torch.float64) - len(first) // 2
    line = 5 - 3 * k + 0.5 * k**2
    assert float(first @ line) == pytest.approx(-3)
    assert float(second @ line) == pytest.approx(1)
    assert len(first) == 2 * math.ceil(4.5 * sigma) + 1, "a window of 9 sigma"


def test_the_image_border_gives_no_curvature() -> None:
    r, c = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    edge = torch.sigmoid(2 * (r * 0.8 + c * 0.6 - 60))[None, None]  # a straight line, cut by two sides
    curvature, weight, _ = contour_curvature(edge, edge_contrast=1e-6)
    contours = trace_contours(edge)
    near = (contours.points < 4.5) | (contours.points > 90.5)
    assert float(weight[near.any(1)].sum()) == 0 and float(weight.sum()) > 60
    half_a_bin = 0.7 / 32
    assert mean(curvature.abs(), weight) < half_a_bin


def test_a_sample_of_points_stands_for_all() -> None:
    field = nuclei(8, 5)
    every, weight, _ = contour_curvature(field)
    some, some_weight, _ = contour_curvature(field, max_points=150)
    assert 130 <= len(some) <= 170 < len(every)
    assert float(some_weight.sum()) == pytest.approx(float(weight.sum()), rel=0.05)
    assert mean(some, some_weight) == pytest.approx(mean(every, weight), rel=0.1)


def test_a_sample_does_not_depend_on_the_rest_of_the_batch() -> None:
    fields = torch.cat([nuclei(6, 4), torch.zeros(1, 1, 96, 96), nuclei(9, 3)])
    curvature, weight, image = contour_curvature(fields, max_points=100)
    for number in range(3):
        alone, alone_weight, _ = contour_curvature(fields[number : number + 1], max_points=100)
        torch.testing.assert_close(curvature[image == number], alone)
        torch.testing.assert_close(weight[image == number], alone_weight)


def test_a_speck_counts_next_to_nothing() -> None:
    speck = torch.zeros(1, 1, 32, 32)
    speck[..., 16, 16] = 1
    curvature, weight, _ = contour_curvature(speck)
    assert curvature.isfinite().all() and float(weight.sum()) < 0.5


def test_levels_of_a_smooth_disc_are_nested_circles() -> None:
    """Each level is a circle of its own radius; together they weigh what one contour does."""
    row, column = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    field = torch.sigmoid((20 - torch.hypot(row - 47.7, column - 48.2)) / 2)[None, None]
    options = {"edge_contrast": 1e-6, "smoothing_px": 1.0}
    lengths = {}
    for level in (0.2, 0.8):
        curvature, weight, _ = contour_curvature(field, levels=[level], **options)
        radius = 20 - 2 * math.log(level / (1 - level))
        assert mean(curvature, weight) == pytest.approx(1 / radius, rel=0.02)
        lengths[level] = float(weight.sum())
        assert lengths[level] == pytest.approx(2 * math.pi * radius, rel=0.02)
    _, both, image = contour_curvature(field, levels=[0.2, 0.8], **options)
    assert float(both.sum()) == pytest.approx(sum(lengths.values()) / 2, rel=1e-5)
    assert (image == 0).all()


def test_smoothing_the_field_first_draws_one_contour_through_noise() -> None:
    noise = torch.randn(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    field = (0.5 + 0.05 * noise).clamp(0, 1)
    row = torch.arange(96.0)[:, None].expand(96, 96)
    seam = torch.where((row - 48).abs() < 3, field, (row > 48) * 0.8 + 0.1)  # hardly differs from the level
    rough, smooth = (contour_curvature(seam, field_smoothing_px=sigma)[1] for sigma in (0, 1.5))
    assert len(smooth) < 0.5 * len(rough)
