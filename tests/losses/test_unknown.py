"""Law of what is not known: no loss has a value or a gradient there, and all are what they are elsewhere."""

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor, nn

from common.losses import (
    HardExamplesLoss,
    InstanceMapsLoss,
    KnownPixelsLoss,
    SmoothTruncatedLoss,
    known_pixels_loss,
)

GROUPS = {"foreground": 0, "border": 1, "distance": 2, "offsets": [3, 4]}
LOSSES = {
    "maps": lambda: InstanceMapsLoss(GROUPS, bce_weight=1.0),
    "contours": lambda: InstanceMapsLoss(GROUPS, curvature_mode="contour"),
    "mining": lambda: InstanceMapsLoss(GROUPS, bce_weight=1.0, beta=0, hard_fraction=0.1),
    "offsets alone": lambda: InstanceMapsLoss(
        {"offsets": [3, 4]}, target_channels={"foreground": 0, "offsets": [3, 4]}
    ),
    "hard": lambda: HardExamplesLoss(),
    "truncated": lambda: SmoothTruncatedLoss(),
    "MONAI's": lambda: KnownPixelsLoss(DiceLoss(sigmoid=True)),
}


@pytest.fixture
def case() -> tuple[Tensor, Tensor]:
    """Maps of two crops with a square nucleus, and their targets; the right third is not known."""
    generator = torch.Generator().manual_seed(0)
    target = torch.zeros(2, 5, 48, 48)
    target[:, 0, 8:24, 6:22] = target[:, 2, 8:24, 6:22] = 1
    target[..., 32:] = float("nan")
    return torch.randn(2, 5, 48, 48, generator=generator), target


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> nn.Module:
    return LOSSES[request.param]()


def test_what_a_network_says_where_nothing_is_known_counts_for_nothing(loss: nn.Module, case) -> None:
    maps, target = case
    maps, target = (maps[:, :1], target[:, :1]) if isinstance(loss, KnownPixelsLoss) else (maps, target)
    other = maps.clone()
    other[..., 32:] = 5
    maps.requires_grad_()
    value = loss(maps, target)
    value.backward()
    assert torch.isfinite(value) and value > 0
    assert torch.equal(value, loss(other, target))
    assert not maps.grad[..., 32:].any() and maps.grad[..., :32].any() and torch.isfinite(maps.grad).all()


def test_where_all_is_known_nothing_changes(loss: nn.Module, case) -> None:
    maps, target = case
    target = target.nan_to_num(0)
    if isinstance(loss, KnownPixelsLoss):
        assert torch.equal(loss(maps, target), DiceLoss(sigmoid=True)(maps, target))
        return
    sure = maps.clone()
    sure[:, :2, :, 32:], sure[:, 2:, :, 32:] = -30, 0
    unknown = target.clone()
    unknown[..., 32:] = float("nan")
    assert torch.isclose(loss(sure, target), loss(maps, unknown)), "as if the network were right there"


def test_nothing_known_at_all(loss: nn.Module, case) -> None:
    maps, target = case
    maps, target = (maps[:, :1], target[:, :1]) if isinstance(loss, KnownPixelsLoss) else (maps, target)
    maps = maps.clone().requires_grad_()
    value = loss(maps, torch.full_like(target, float("nan")))
    value.backward()
    assert torch.isfinite(value) and not maps.grad.any()


def test_losses_that_know_of_it_are_left_as_they_are_and_others_learn_it() -> None:
    ours = [InstanceMapsLoss(GROUPS), HardExamplesLoss()]
    assert all(known_pixels_loss(loss) is loss for loss in ours)
    assert isinstance(known_pixels_loss(DiceLoss(sigmoid=True)), KnownPixelsLoss)
