"""Laws of the smooth truncated loss."""

import math
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional

from common.losses import SmoothTruncatedLoss, smooth_truncated_bce

GAMMAS = (0.05, 0.2, 0.5, 0.9)


def pixels(values: Tensor) -> Tensor:
    return values.reshape(1, 1, 1, -1)


def by_definition(probability: Tensor, gamma: float) -> Tensor:
    """-log(p) above gamma, else -log(gamma) + (1 - p^2 / gamma^2) / 2."""
    parabola = -math.log(gamma) + (1 - probability**2 / gamma**2) / 2
    return torch.where(probability > gamma, -probability.log(), parabola)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_definition(gamma: float) -> None:
    logits = torch.linspace(-8, 8, 401, dtype=torch.float64)
    for truth, of_truth in ((1.0, logits.sigmoid()), (0.0, (-logits).sigmoid())):
        loss = smooth_truncated_bce(pixels(logits), pixels(torch.full_like(logits, truth)), gamma=gamma)
        torch.testing.assert_close(loss, pixels(by_definition(of_truth, gamma)))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_value_and_slope_go_on_without_a_step(gamma: float) -> None:
    edge = math.log(gamma / (1 - gamma))
    logits = torch.tensor([edge - 1e-6, edge + 1e-6], dtype=torch.float64, requires_grad=True)
    loss = smooth_truncated_bce(pixels(logits), torch.ones(1, 1, 1, 2, dtype=torch.float64), gamma=gamma)
    (slope,) = torch.autograd.grad(loss.sum(), logits)
    assert abs(loss[..., 0] - loss[..., 1]).item() < 1e-5
    assert slope[0].item() == pytest.approx(slope[1].item(), abs=1e-5) and slope[0].item() < 0


def test_a_hopeless_pixel_costs_little_and_teaches_nothing() -> None:
    logits = torch.tensor([-3.0, -20.0, -1e4], requires_grad=True)
    loss = smooth_truncated_bce(pixels(logits), torch.ones(1, 1, 1, 3))
    (slope,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.max().item() <= 0.5 - math.log(0.2) + 1e-6 and loss.isfinite().all()
    assert slope[0] < -0.01 and slope[1].abs() < 1e-6 and slope[2] == 0
    plain = functional.binary_cross_entropy_with_logits(logits, torch.ones(3))
    assert torch.autograd.grad(plain, logits)[0][2] < -0.3, "cross-entropy learns most from it"


def test_pixels_that_are_likely_right_are_judged_by_cross_entropy() -> None:
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    target = (logits > 0).float()
    loss = smooth_truncated_bce(logits, target)
    torch.testing.assert_close(
        loss, functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    )


def maps() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, 16, 16, generator=generator, requires_grad=True)
    return logits, (torch.rand(2, 3, 16, 16, generator=generator) > 0.6).float()


def test_the_sum_of_its_terms_on_the_channels_named() -> None:
    logits, target = maps()
    loss = SmoothTruncatedLoss(nuclei=2, contour=0, gamma=0.3, contour_weight=0.5)
    nuclei = smooth_truncated_bce(logits[:, 2:], target[:, 2:], gamma=0.3).mean()
    contour = DiceLoss(sigmoid=True)(logits[:, :1], target[:, :1])
    total = loss(logits, target)
    torch.testing.assert_close(total, nuclei + 0.5 * contour)
    assert {name: value.item() for name, value in loss.terms.items()} == {
        "nuclei": pytest.approx(nuclei.item()),
        "contour": pytest.approx(contour.item()),
        "total": pytest.approx(total.item()),
    }
    (gradient,) = torch.autograd.grad(total, logits)
    assert gradient[:, 0].any() and gradient[:, 2].any() and not gradient[:, 1].any()


def test_half_precision_is_summed_in_single() -> None:
    logits, target = maps()
    loss = SmoothTruncatedLoss()
    half = loss(logits.half(), target)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, loss(logits, target), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gamma": 0}, "gamma is 0: choose a probability between 0 and 1, such as 0.2"),
        ({"gamma": 1.0}, "gamma is 1.0"),
        ({"nuclei": 1}, "nuclei 1 and contour 1 must be two channels"),
        ({"contour_weight": -1}, "contour_weight is -1: choose 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SmoothTruncatedLoss(**options)


def test_a_missing_channel_is_named() -> None:
    logits, target = maps()
    with pytest.raises(ValueError, match="the target has 1 channels, but channel 1 is named"):
        SmoothTruncatedLoss()(logits, target[:, :1])
