"""Laws of SideMapsLoss: one head is its loss, several are their mean, unknown targets count for none."""

import pytest
import torch
from monai.losses import DiceFocalLoss
from torch import Tensor, nn

from common.losses import InstanceMapsLoss, SideMapsLoss

CHANNELS = {"foreground": 0, "distance": 1, "offsets": [2, 3]}


def instance_loss(**options: float) -> InstanceMapsLoss:
    return InstanceMapsLoss(CHANNELS, beta=0, bce_weight=1, **options)


@pytest.fixture
def heads() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 4, 12, 16, generator=generator) for _ in range(3)]


@pytest.fixture
def target() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(2, 4, 12, 16, generator=generator)
    target[:, 0] = (target[:, 0] > 0.5).float()
    return target


def test_one_head_is_the_loss_itself(heads: list[Tensor], target: Tensor) -> None:
    torch.testing.assert_close(
        SideMapsLoss(instance_loss(), maps=4)(heads[0], target), instance_loss()(heads[0], target)
    )


@pytest.mark.parametrize("loss", [instance_loss(), DiceFocalLoss(sigmoid=True), nn.BCEWithLogitsLoss()])
def test_heads_have_the_mean_of_their_losses(loss: nn.Module, heads: list[Tensor], target: Tensor) -> None:
    both = SideMapsLoss(loss, maps=4)(torch.cat(heads, dim=1), target)
    torch.testing.assert_close(both, torch.stack([loss(head, target) for head in heads]).mean())


def test_every_head_has_a_gradient_of_its_own_maps(heads: list[Tensor], target: Tensor) -> None:
    apart = [head.clone().requires_grad_() for head in heads]
    SideMapsLoss(instance_loss(), maps=4)(torch.cat(apart, dim=1), target).backward()
    alone = heads[1].clone().requires_grad_()
    (instance_loss()(alone, target) / 3).backward()
    torch.testing.assert_close(apart[1].grad, alone.grad)
    assert apart[0].grad.any() and apart[2].grad.any()


@pytest.mark.parametrize("loss", [instance_loss(), DiceFocalLoss(sigmoid=True)])
def test_what_is_not_known_is_not_judged(loss: nn.Module, heads: list[Tensor], target: Tensor) -> None:
    target[..., :5] = float("nan")
    maps = torch.cat(heads, dim=1)
    before = SideMapsLoss(loss, maps=4)(maps, target)
    maps[..., :5] += 7
    assert before.isfinite() and torch.equal(SideMapsLoss(loss, maps=4)(maps, target), before)


def test_terms_and_counted_steps_are_those_of_one_call(heads: list[Tensor], target: Tensor) -> None:
    loss = SideMapsLoss(instance_loss(hard_fraction=0.5, hard_warmup_steps=4), maps=4).train()
    total = loss(torch.cat(heads, dim=1), target)
    assert set(loss.terms) == {"dice", "bce", "distance", "offsets", "total"}
    torch.testing.assert_close(loss.terms["total"], total)
    once = instance_loss(hard_fraction=0.5, hard_warmup_steps=4).train()
    once(heads[0], target)
    for one, other in zip(loss.state_dict().values(), once.state_dict().values(), strict=True):
        assert torch.equal(one, other), "three heads are three steps of the warm-up"
    assert not SideMapsLoss(nn.MSELoss(), maps=1).terms


def test_maps_that_do_not_fit_are_refused(target: Tensor) -> None:
    with pytest.raises(ValueError, match="puts out 6 maps, no multiple of the loss' maps 4"):
        SideMapsLoss(nn.MSELoss(), maps=4)(torch.zeros(2, 6, 12, 16), target)
    with pytest.raises(ValueError, match="maps is 0: give the number of maps of each head"):
        SideMapsLoss(nn.MSELoss(), maps=0)
