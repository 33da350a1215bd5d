"""HoVer-Net's loss is Dice, cross-entropy and square errors, of what is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from common.losses import HoVerMapsLoss
from common.sample import draw_label_map
from common.transforms import instance_targets


def case() -> tuple[Tensor, Tensor]:
    label_map = draw_label_map((48, 56), rng=np.random.default_rng(0)).astype(np.int64)
    target = torch.from_numpy(instance_targets(label_map, ("foreground", "horizontal", "vertical")))[None]
    return target, torch.randn(target.shape, generator=torch.Generator().manual_seed(0))


def test_each_term_is_what_it_is_called() -> None:
    target, maps = case()
    none = {"dice_weight": 0, "cross_entropy_weight": 0, "map_weight": 0, "slope_weight": 0}
    entropy = HoVerMapsLoss(**none | {"cross_entropy_weight": 1})(maps, target)
    expected = functional.binary_cross_entropy_with_logits(maps[:, :1], target[:, :1])
    torch.testing.assert_close(entropy, expected)
    square = HoVerMapsLoss(**none | {"map_weight": 2})(maps, target)
    torch.testing.assert_close(square, 2 * functional.mse_loss(maps[:, 1:], target[:, 1:]))
    slopes = HoVerMapsLoss(**none | {"slope_weight": 1})
    assert float(slopes(target + 3, target)) == pytest.approx(0, abs=1e-6), "a level is no slope"
    assert float(slopes(target * 2, target)) > 1e-3


def test_the_right_maps_are_the_best_in_the_order_of_the_channels() -> None:
    target, _ = case()
    perfect = torch.cat([40 * target[:, :1] - 20, target[:, 1:]], dim=1)
    assert float(HoVerMapsLoss()(perfect, target)) < 1e-2
    turned = perfect[:, [0, 2, 1]]
    assert float(HoVerMapsLoss()(turned, target)) > 0.1
    assert float(HoVerMapsLoss(vectors=[2, 1])(turned, target[:, [0, 2, 1]])) < 1e-2


def test_what_is_not_known_is_not_judged() -> None:
    target, maps = case()
    target[..., 40:] = torch.nan
    maps.requires_grad_()
    HoVerMapsLoss()(maps, target).backward()
    assert maps.grad is not None and maps.grad.isfinite().all()
    assert not maps.grad[..., 40:].any() and maps.grad[..., :40].any()


def test_options_are_checked() -> None:
    target, maps = case()
    with pytest.raises(ValueError, match="a weight of the loss is -1"):
        HoVerMapsLoss(map_weight=-1)
    with pytest.raises(ValueError, match="name the horizontal and the vertical channel"):
        HoVerMapsLoss(vectors=[1])
    with pytest.raises(ValueError, match="the output has 2 channels, but channel 2 is named"):
        HoVerMapsLoss()(maps[:, :2], target)
