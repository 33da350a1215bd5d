"""Laws of online hard example mining."""

from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

from common.losses import HardExamplesLoss, InstanceMapsLoss, hard_example_bce
from common.losses.hard_examples import HardFraction

FRACTIONS = (0.004, 0.092, 0.5, 0.9, 1.0)


def example(batch: int = 3, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(batch, 1, 16, 17, generator=generator)
    target = (torch.rand(batch, 1, 16, 17, generator=generator) > 0.6).float()
    return logits.to(dtype).requires_grad_(), target.to(dtype)


def naive(logits: Tensor, target: Tensor, fraction: float) -> Tensor:
    """By probabilities and sorting, image by image."""
    means = []
    for one, truth in zip(logits.detach().double(), target.double(), strict=True):
        probability = torch.where(truth > 0.5, one.sigmoid(), (-one).sigmoid())
        hardest_first = (-probability.log()).flatten().sort(descending=True).values
        means.append(hardest_first[: max(1, round(fraction * hardest_first.numel()))].mean())
    return torch.stack(means).mean().float()


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_it_is_the_mean_of_the_sorted_hardest(fraction: float) -> None:
    logits, target = example()
    torch.testing.assert_close(
        hard_example_bce(logits, target, fraction=fraction).detach(), naive(logits, target, fraction)
    )


def test_all_pixels_are_the_plain_cross_entropy() -> None:
    logits, target = example()
    plain = functional.binary_cross_entropy_with_logits(logits, target)
    assert torch.equal(hard_example_bce(logits, target, fraction=1), plain)
    assert torch.equal(HardExamplesLoss(fraction=1, dice_weight=0)(logits, target), plain)


def test_harder_pixels_weigh_more() -> None:
    logits, target = example()
    values = [float(hard_example_bce(logits, target, fraction=f).detach()) for f in FRACTIONS]
    assert values == sorted(values, reverse=True) and values[0] > values[-1]


def test_every_image_has_gradients_in_its_hardest_pixels_alone() -> None:
    logits, target = example()
    hard_example_bce(logits, target, fraction=0.1).backward()
    each = functional.binary_cross_entropy_with_logits(logits.detach(), target, reduction="none")
    assert logits.grad is not None
    for gradient, loss in zip(logits.grad, each, strict=True):
        chosen = gradient != 0
        assert int(chosen.sum()) == round(0.1 * loss.numel())
        assert loss[chosen].min() > loss[~chosen].max()


@pytest.mark.parametrize("options", [{}, {"dice_weight": 0}, {"hard_weight": 0}], ids=str)
def test_a_batch_is_the_mean_of_its_images(options: dict[str, Any]) -> None:
    logits, target = example()
    loss = HardExamplesLoss(**options)
    singles = [loss(logits[i : i + 1], target[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(loss(logits, target), torch.stack(singles).mean())


def test_the_total_is_dice_and_the_weighted_hardest() -> None:
    logits, target = example()
    loss = HardExamplesLoss(hard_weight=3, dice_weight=2)
    value = loss(logits, target)
    hardest = hard_example_bce(logits, target, fraction=6000 / 256**2)
    torch.testing.assert_close(value, 2 * DiceLoss(sigmoid=True)(logits, target) + 3 * hardest)
    assert set(loss.terms) == {"dice", "hard", "total"}
    torch.testing.assert_close(2 * loss.terms["dice"] + 3 * loss.terms["hard"], loss.terms["total"])
    assert not any(term.requires_grad for term in loss.terms.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    logits, target = example(dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = HardExamplesLoss()(logits, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, HardExamplesLoss()(logits.float(), target.float()))
    value.backward()
    assert logits.grad is not None and logits.grad.isfinite().all() and logits.grad.any()


def test_saturated_wrong_logits_stay_finite() -> None:
    logits = torch.full((1, 1, 8, 8), 1e4, requires_grad=True)
    value = HardExamplesLoss()(logits, torch.zeros(1, 1, 8, 8))
    value.backward()
    assert value.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_derivatives_are_those_of_finite_differences() -> None:
    logits, target = example(batch=2, dtype=torch.float64)
    crop = logits.detach()[..., :4, :4].contiguous().requires_grad_()
    assert torch.autograd.gradcheck(HardExamplesLoss(fraction=0.3), (crop, target[..., :4, :4].contiguous()))


def test_only_its_channel_is_judged() -> None:
    logits, target = example()
    other = torch.full_like(logits, 7.0)
    moved, truth = torch.cat([other, logits], dim=1), torch.cat([1 - target, target], dim=1)
    loss = HardExamplesLoss(channel=1)
    torch.testing.assert_close(loss(moved, truth), HardExamplesLoss()(logits, target))
    assert type(loss(MetaTensor(moved), MetaTensor(truth))) is Tensor
    with pytest.raises(ValueError, match="output has 1 channels: it lacks channel 1"):
        loss(logits, truth)


@pytest.mark.parametrize("fraction", [0.092, 1.0])
def test_the_multi_map_loss_mines_its_cross_entropy(fraction: float) -> None:
    logits, target = example()
    loss = InstanceMapsLoss({"foreground": 0}, alpha=0, beta=0, bce_weight=2, hard_fraction=fraction)
    torch.testing.assert_close(loss(logits, target), 2 * hard_example_bce(logits, target, fraction=fraction))


def warming(kind: str, fraction: float, steps: int) -> nn.Module:
    """Each loss that mines, reduced to its hardest pixels."""
    if kind == "one map":
        return HardExamplesLoss(fraction=fraction, dice_weight=0, warmup_steps=steps)
    options = {"alpha": 0, "beta": 0, "bce_weight": 1, "hard_fraction": fraction, "hard_warmup_steps": steps}
    return InstanceMapsLoss({"foreground": 0}, **options)  # type: ignore[arg-type]


KINDS = pytest.mark.parametrize("kind", ["one map", "several maps"])


@KINDS
def test_the_warm_up_goes_from_all_pixels_evenly_down_to_the_fraction(kind: str) -> None:
    logits, target = example()
    loss = warming(kind, 0.2, 4)
    for part in (1, 0.8, 0.6, 0.4, 0.2, 0.2):
        expected = hard_example_bce(logits, target, fraction=part)
        torch.testing.assert_close(loss(logits, target), expected)


@KINDS
def test_validation_neither_warms_up_nor_counts(kind: str) -> None:
    logits, target = example()
    loss, wanted = warming(kind, 0.2, 4), hard_example_bce(logits, target, fraction=0.2)
    assert not torch.equal(loss(logits, target), wanted)
    counted = {name: value.clone() for name, value in loss.state_dict().items()}
    assert counted
    with torch.no_grad():
        assert torch.equal(loss(logits, target), wanted.detach())
    loss.eval()
    assert torch.equal(loss(logits, target), wanted)
    assert all(torch.equal(value, counted[name]) for name, value in loss.state_dict().items())


@KINDS
@pytest.mark.parametrize("cut", [1, 3, 9])
def test_the_state_of_a_warm_up_is_all_that_it_takes_to_go_on(kind: str, cut: int) -> None:
    logits, target = example()
    whole, resumed = warming(kind, 0.1, 7), warming(kind, 0.1, 7)
    for _ in range(cut):
        whole(logits, target)
    resumed.load_state_dict(whole.state_dict())
    for _ in range(9):
        assert torch.equal(whole(logits, target), resumed(logits, target))


@KINDS
def test_without_a_warm_up_there_is_no_state(kind: str) -> None:
    logits, target = example()
    loss = warming(kind, 0.2, 0)
    assert torch.equal(loss(logits, target), hard_example_bce(logits, target, fraction=0.2))
    assert not loss.state_dict()


@pytest.mark.parametrize("steps", [-1, -3])
def test_a_warm_up_must_have_a_number_of_steps(steps: int) -> None:
    with pytest.raises(ValueError, match=f"whole number of steps of at least 0, not {steps}"):
        HardFraction(0.2, warmup_steps=steps)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fraction": 0}, "above 0 and at most 1, not 0"),
        ({"fraction": 1.5}, "not 1.5"),
        ({"fraction": float("nan")}, "not nan"),
        ({"hard_weight": -1}, "hard_weight -1"),
        ({"hard_weight": 0, "dice_weight": 0}, "no loss is left"),
        ({"channel": -1}, "channel -1"),
    ],
    ids=str,
)
def test_options_out_of_range_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        HardExamplesLoss(**options)
