"""Laws of the multi-map loss."""

from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional

from common.losses import CurvatureAlignmentLoss, InstanceMapsLoss

CHANNELS: dict[str, Any] = {"foreground": 0, "distance": 1, "offsets": [2, 3], "border": 4}
WEIGHTS = ("alpha", "beta", "bce_weight", "border_weight", "distance_weight", "offset_weight")


def example() -> tuple[Tensor, Tensor]:
    """A random output and a target with two nuclei in the first image and none in the second."""
    generator = torch.Generator().manual_seed(0)
    target = torch.zeros(2, 5, 48, 48)
    target[0, 0, 8:22, 8:22] = 1
    target[0, 0, 26:40, 24:40] = 1
    target[:, 1:4] = torch.rand(2, 3, 48, 48, generator=generator) * target[:, :1]
    target[0, 4, 22:26] = 1
    return torch.randn(2, 5, 48, 48, generator=generator).requires_grad_(), target


def perfect(target: Tensor) -> Tensor:
    """The output that says exactly the target, with saturated logits."""
    output = target.clone()
    output[:, [0, 4]] = target[:, [0, 4]] * 200 - 100
    return output


@pytest.mark.parametrize("distance_loss", ["smooth_l1", "mse"])
def test_zero_at_the_perfect_prediction(distance_loss: str) -> None:
    _, target = example()
    loss = InstanceMapsLoss(CHANNELS, bce_weight=1, distance_loss=distance_loss)
    assert float(loss(perfect(target), target)) == pytest.approx(0, abs=1e-5)
    assert set(loss.terms) == {"dice", "bce", "curvature", "border", "distance", "offsets", "total"}


def test_total_is_the_weighted_sum_of_the_terms() -> None:
    output, target = example()
    weights = dict(zip(WEIGHTS, (0.5, 0.25, 2.0, 3.0, 5.0, 7.0), strict=True))
    loss = InstanceMapsLoss(CHANNELS, **weights)  # type: ignore[arg-type]
    total = loss(output, target)
    names = ("dice", "curvature", "bce", "border", "distance", "offsets")
    expected = sum(w * loss.terms[n] for w, n in zip(weights.values(), names, strict=True))
    torch.testing.assert_close(total.detach(), expected)
    torch.testing.assert_close(loss.terms["total"], total.detach())
    assert all(not term.requires_grad and term.shape == () for term in loss.terms.values())


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_weight_matters_and_zero_skips_its_term(name: str) -> None:
    output, target = example()
    weights = dict.fromkeys(WEIGHTS, 1.0)
    full = InstanceMapsLoss(CHANNELS, **weights)  # type: ignore[arg-type]
    less = InstanceMapsLoss(CHANNELS, **{**weights, name: 0.0})  # type: ignore[arg-type]
    assert float(full(output, target).detach()) > float(less(output, target).detach())
    assert len(less.terms) == len(full.terms) - 1


def test_foreground_terms_are_monai_dice_and_cal() -> None:
    output, target = example()
    loss = InstanceMapsLoss({"foreground": 0}, alpha=1, beta=0.5)
    value = loss(output, target)
    probability = torch.sigmoid(output[:, :1])
    dice, cal = DiceLoss()(probability, target[:, :1]), CurvatureAlignmentLoss()(probability, target[:, :1])
    torch.testing.assert_close(value, dice + 0.5 * cal)


def test_a_curvature_term_that_wants_logits_gets_them() -> None:
    output, target = example()
    by_logits = InstanceMapsLoss({"foreground": 0}, curvature=CurvatureAlignmentLoss(from_logits=True))
    torch.testing.assert_close(by_logits(output, target), InstanceMapsLoss({"foreground": 0})(output, target))


def test_the_curvature_mode_is_that_of_the_curvature_loss() -> None:
    output, target = example()
    by_name = InstanceMapsLoss({"foreground": 0}, alpha=0, curvature_mode="contour")
    value = by_name(output, target)
    probability = torch.sigmoid(output[:, :1])
    torch.testing.assert_close(value, 0.5 * CurvatureAlignmentLoss("contour")(probability, target[:, :1]))
    assert float((value - 0.5 * CurvatureAlignmentLoss()(probability, target[:, :1])).detach()) != 0


def test_gradients_reach_every_channel() -> None:
    output, target = example()
    InstanceMapsLoss(CHANNELS)(output, target).backward()
    assert output.grad is not None and output.grad.isfinite().all()
    assert (output.grad.abs().sum((0, 2, 3)) > 0).all()


def test_offsets_outside_nuclei_have_no_gradient() -> None:
    output, target = example()
    InstanceMapsLoss(CHANNELS)(output, target).backward()
    assert output.grad is not None
    outside = (target[:, :1] == 0).expand(-1, 2, -1, -1)
    assert float(output.grad[:, 2:4][outside].abs().sum()) == 0
    assert (output.grad[:, 2:4][~outside] != 0).all()


def test_the_offset_term_does_not_depend_on_how_many_nuclei_there_are() -> None:
    output = torch.zeros(1, 3, 20, 20)
    few, many = torch.full((1, 3, 20, 20), 0.5), torch.full((1, 3, 20, 20), 0.5)
    few[:, 0], many[:, 0] = 0, 1
    few[:, 0, :2, :2] = 1
    loss = InstanceMapsLoss({"foreground": 0, "offsets": [1, 2]})
    loss(output, few)
    first = loss.terms["offsets"]
    loss(output, many)
    torch.testing.assert_close(loss.terms["offsets"], first)


@pytest.mark.parametrize("error", [0.02, 0.1, 0.5])
def test_a_wrong_distance_costs_as_much_as_a_wrong_offset(error: float) -> None:
    _, target = example()
    loss = InstanceMapsLoss(CHANNELS, beta=0, distance_background=0)
    loss(perfect(target) + error, target)
    torch.testing.assert_close(loss.terms["distance"], loss.terms["offsets"])
    if error >= 0.1:  # as L1, but for what the rounded tip takes off
        assert float(loss.terms["distance"]) == pytest.approx(error - 0.05, abs=1e-4)


def test_an_error_of_a_tenth_pulls_as_hard_as_a_large_one() -> None:
    _, target = example()
    loss = InstanceMapsLoss({"distance": 1})
    pulls = []
    for error in (0.1, 0.9):
        output = (target + error).requires_grad_()
        pulls.append(torch.autograd.grad(loss(output, target), output)[0])
    torch.testing.assert_close(pulls[0], pulls[1])


@pytest.mark.parametrize("distance_loss", ["smooth_l1", "mse"])
def test_the_distance_term_does_not_depend_on_how_much_is_covered(distance_loss: str) -> None:
    loss = InstanceMapsLoss({"distance": 0}, distance_loss=distance_loss)
    costs = []
    for side in (2, 20):
        target = torch.zeros(1, 1, 20, 40)
        target[..., :side, :side] = 1
        costs.append(loss((target - 0.2).where(target > 0, torch.tensor(0.4)), target))
    torch.testing.assert_close(costs[0], costs[1])


def test_the_background_has_its_share_of_the_distance_term() -> None:
    target = torch.zeros(1, 1, 10, 10)
    target[..., :5] = 1
    for share in (0.0, 0.25, 1.0):
        loss = InstanceMapsLoss({"distance": 0}, distance_background=share)
        wrong_background, wrong_nuclei = ((target == value).float() * 1.05 for value in (0, 1))
        assert float(loss(target + wrong_background, target)) == pytest.approx(share)
        assert float(loss(target + wrong_nuclei, target)) == pytest.approx(1 - share)


def test_no_nuclei_anywhere_is_finite() -> None:
    output = torch.zeros(2, 5, 48, 48, requires_grad=True)
    loss = InstanceMapsLoss(CHANNELS, bce_weight=1)
    value = loss(output, torch.zeros(2, 5, 48, 48))
    value.backward()
    assert value.isfinite() and output.grad is not None and output.grad.isfinite().all()
    assert float(loss.terms["offsets"]) == 0 and float(loss.terms["curvature"]) == 0


def test_the_order_of_channels_is_free() -> None:
    output, target = example()
    value = InstanceMapsLoss(CHANNELS)(output, target)
    order = [3, 0, 4, 2, 1]
    moved = {"foreground": 1, "distance": 4, "offsets": [3, 0], "border": 2}
    torch.testing.assert_close(InstanceMapsLoss(moved)(output[:, order], target[:, order]), value)
    torch.testing.assert_close(
        InstanceMapsLoss(CHANNELS, target_channels=moved)(output, target[:, order]), value
    )


def test_autocast_agrees_with_float32() -> None:
    output, target = example()
    loss = InstanceMapsLoss(CHANNELS)
    coarse = output.detach().bfloat16()
    expected = loss(coarse.float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(coarse, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize(
    ("channels", "options", "word"),
    [
        ({}, {}, "no map"),
        ({"nucleus": 0}, {}, "nucleus"),
        ({"foreground": 0, "offsets": 1}, {}, "offsets"),
        ({"foreground": 0, "distance": 0}, {}, "distinct"),
        ({"offsets": [0, 1]}, {}, "foreground"),
        ({"foreground": 0}, {"alpha": -1.0}, "-1.0"),
        ({"foreground": 0}, {"alpha": 0.0, "beta": 0.0}, "no loss is left"),
        ({"distance": 0}, {"distance_loss": "l7"}, "l7"),
        ({"distance": 0}, {"distance_background": 1.5}, "distance_background is 1.5"),
        ({"foreground": 0}, {"curvature_mode": "snake"}, "snake"),
        ({"foreground": 0}, {"curvature_mode": "contour", "curvature": CurvatureAlignmentLoss()}, "ignored"),
        ({"foreground": 0}, {"target_channels": {"distance": 0}}, "lacks foreground"),
    ],
)
def test_wrong_options_are_named(channels: dict, options: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        InstanceMapsLoss(channels, **options)


def test_missing_channels_are_named() -> None:
    output, target = example()
    with pytest.raises(ValueError, match="target has 3 channels"):
        InstanceMapsLoss(CHANNELS)(output, target[:, :3])


@pytest.mark.parametrize("mode", ["level_set", "contour"])
def test_maps_that_are_no_numbers_give_a_loss_that_is_none(mode: str) -> None:
    """As after far too long a step: who watches the loss must see it, not an error on the way there."""
    loss = InstanceMapsLoss({"foreground": 0}, curvature_mode=mode)
    assert not torch.isfinite(loss(torch.full((1, 1, 32, 32), torch.nan), torch.zeros(1, 1, 32, 32)))


def test_pixel_weights_multiply_the_cross_entropy_alone() -> None:
    torch.manual_seed(0)
    options = {"alpha": 1, "beta": 0, "bce_weight": 1}
    maps, truth = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    plain = InstanceMapsLoss({"foreground": 0}, **options)
    weighted = InstanceMapsLoss({"foreground": 0}, pixel_weight_channel=1, **options)
    plain(maps, truth)
    weights = torch.rand(2, 1, 8, 8)
    weighted(maps, torch.cat([truth, weights], dim=1))
    each = functional.binary_cross_entropy_with_logits(maps, truth, reduction="none")
    torch.testing.assert_close(weighted.terms["bce"], (each * weights).mean())
    torch.testing.assert_close(weighted.terms["dice"], plain.terms["dice"])
    weighted(maps, torch.cat([truth, torch.ones_like(truth)], dim=1))
    torch.testing.assert_close(weighted.terms["bce"], plain.terms["bce"])


def test_pixels_of_weight_0_have_no_gradient() -> None:
    maps = torch.randn(1, 1, 8, 8, requires_grad=True)
    target = torch.zeros(1, 2, 8, 8)
    target[0, 1, :, :4] = 2
    InstanceMapsLoss({"foreground": 0}, alpha=0, beta=0, bce_weight=1, pixel_weight_channel=1)(
        maps, target
    ).backward()
    assert maps.grad is not None
    assert maps.grad[..., :4].all() and not maps.grad[..., 4:].any()


@pytest.mark.parametrize("channel", [0, -1])
def test_pixel_weights_need_a_channel_of_their_own(channel: int) -> None:
    with pytest.raises(ValueError, match="must be a channel of its own"):
        InstanceMapsLoss({"foreground": 0}, pixel_weight_channel=channel)


def test_a_target_without_the_weights_is_named() -> None:
    loss = InstanceMapsLoss({"foreground": 0}, beta=0, pixel_weight_channel=1)
    with pytest.raises(ValueError, match=r"the target has 1 channels, but channel 1 .*pixel weight"):
        loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
