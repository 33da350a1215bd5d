"""The Lovász hinge is 1 - IoU where all errors are alike, convex between, and blind to what is not known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from common.losses import LovaszCrossEntropyLoss, known_pixels_loss, lovasz_hinge


def random_masks(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    truth, said = (torch.rand(2, 3, 1, 9, 11, generator=generator) > 0.6).double()
    return truth, said


@pytest.mark.parametrize("seed", range(5))
def test_of_masks_it_is_twice_one_minus_iou(seed: int) -> None:
    """A logit of 1 or -1 on the wrong side has the error 2, on the right side 0."""
    truth, said = random_masks(seed)
    both, either = (truth * said).sum(dim=(1, 2, 3)), ((truth + said) > 0).sum(dim=(1, 2, 3))
    expected = 2 * (1 - both / either).mean()
    assert float(lovasz_hinge(2 * said - 1, truth)) == pytest.approx(float(expected))


def test_it_is_convex_and_its_gradient_is_right() -> None:
    truth, _ = random_masks(0)
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 3, 1, 9, 11, generator=generator, dtype=torch.float64)
    for share in (0.2, 0.5, 0.9):
        between = lovasz_hinge(share * a + (1 - share) * b, truth)
        assert between <= share * lovasz_hinge(a, truth) + (1 - share) * lovasz_hinge(b, truth) + 1e-12
    small = a[:1, :, :3, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: lovasz_hinge(x, truth[:1, :, :3, :3]), small)


def test_without_foreground_the_worst_pixel_is_the_loss() -> None:
    logits = torch.tensor([[[[-3.0, 0.5, -0.5]]]])
    assert float(lovasz_hinge(logits, torch.zeros_like(logits))) == pytest.approx(1.5)


def test_unknown_pixels_change_nothing() -> None:
    truth, _ = random_masks(2)
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(truth.shape, generator=generator, dtype=torch.float64)
    loss = LovaszCrossEntropyLoss(share=1)
    assert known_pixels_loss(loss) is loss
    before = loss(logits, truth)
    beyond = torch.full_like(truth, torch.nan)
    wider = torch.cat([logits, logits * 9], dim=-1).requires_grad_()
    after = loss(wider, torch.cat([truth, beyond], dim=-1))
    torch.testing.assert_close(before, after.detach())
    after.backward()
    assert not wider.grad[..., truth.shape[-1] :].any() and wider.grad.any()


def test_the_share_is_the_papers() -> None:
    truth, said = random_masks(3)
    loss = LovaszCrossEntropyLoss()
    total = loss(said.float(), truth)
    expected = 0.7 * loss.terms["lovasz"] + 0.3 * loss.terms["cross_entropy"]
    torch.testing.assert_close(total, expected)
    with pytest.raises(ValueError, match="share is 7: choose 0 to 1"):
        LovaszCrossEntropyLoss(share=7)
    with pytest.raises(ValueError, match="the output has 1 channels, but channel 1 is named"):
        LovaszCrossEntropyLoss(foreground=1)(said.float(), truth)
