"""Laws of the soft histogram of curvatures."""

import torch

from common.losses import curvature_pdf
from common.losses.soft_histogram import curvature_lengths


def test_distribution_sums_to_one_and_keeps_the_mean() -> None:
    curvature = torch.rand(3, 1, 16, 16) - 0.5
    weight = torch.rand(3, 1, 16, 16)
    pdf = curvature_pdf(curvature, weight, bins=33, max_curvature=0.7, prior_px=1e-6)
    torch.testing.assert_close(pdf.sum(1), torch.ones(3))
    centres = torch.linspace(-0.7, 0.7, 33)
    mean = (curvature * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))
    torch.testing.assert_close(pdf @ centres, mean, atol=1e-5, rtol=1e-4)


def test_at_bin_centres_it_is_an_ordinary_histogram() -> None:
    values = torch.tensor(
        [-9.0, -0.7, -0.35, 0.0, 0.0, 0.35, 0.7, 9.0]
    )  # beyond the ends: as sharp as the last
    pdf = curvature_pdf(values[None], torch.ones(1, 8), bins=5, max_curvature=0.7, prior_px=1e-9)
    torch.testing.assert_close(pdf[0] * 8, torch.tensor([2.0, 1, 2, 1, 2]))


def test_points_in_any_order_equal_maps() -> None:
    curvature, weight = torch.randn(3, 40), torch.rand(3, 40)
    order = torch.randperm(120)
    image = torch.arange(3).repeat_interleave(40)[order]
    points = curvature_pdf(curvature.flatten()[order], weight.flatten()[order], image=image, images=3)
    torch.testing.assert_close(points, curvature_pdf(curvature, weight))


def test_an_image_without_points_has_the_even_prior() -> None:
    nothing = torch.zeros(0)
    pdf = curvature_pdf(nothing, nothing, image=torch.zeros(0, dtype=torch.long), images=2, bins=5)
    torch.testing.assert_close(pdf, torch.full((2, 5), 0.2))


def test_lengths_sum_to_the_weights_and_the_prior() -> None:
    curvature, weight = torch.randn(3, 40), torch.rand(3, 40)
    lengths = curvature_lengths(curvature, weight, prior_px=7)
    torch.testing.assert_close(lengths.sum(1), weight.sum(1) + 7)
    torch.testing.assert_close(
        lengths / lengths.sum(1, keepdim=True), curvature_pdf(curvature, weight, prior_px=7)
    )
