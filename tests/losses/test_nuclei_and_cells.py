"""The loss of nuclei and cells is the sum of both, and teaches the maps of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from torch import nn

from common.losses import InstanceMapsLoss, NucleiAndCellsLoss

CONFIG = Path(__file__).parents[2] / "bundles" / "channelnet_cellvit" / "configs" / "whole_cells.json"


def test_it_is_the_sum_and_tells_the_parts() -> None:
    nuclei, cells = (InstanceMapsLoss({"foreground": n}, beta=0) for n in (0, 1))
    maps, target = torch.randn(2, 2, 8, 8), (torch.rand(2, 2, 8, 8) > 0.5).float()
    loss = NucleiAndCellsLoss(nuclei, cells, cell_weight=0.25)
    assert float(loss(maps, target)) == pytest.approx(float(nuclei(maps, target) + cells(maps, target) / 4))
    assert sorted(loss.terms) == ["cell_dice", "cell_total", "dice", "total"]
    with pytest.raises(ValueError, match="cell_weight is 0"):
        NucleiAndCellsLoss(nuclei, cells, cell_weight=0)


def test_what_is_not_known_is_left_out_for_any_loss() -> None:
    loss = NucleiAndCellsLoss(nn.BCEWithLogitsLoss(), nn.BCEWithLogitsLoss())
    target = torch.full((1, 1, 4, 4), float("nan"))
    assert float(loss(torch.randn(1, 1, 4, 4), target)) == pytest.approx(0, abs=1e-6)


def test_the_bundles_loss_trains_all_eight_maps_and_is_0_for_perfect_ones() -> None:
    loss = ConfigParser({"loss": json.loads(CONFIG.read_text())["loss"]}).get_parsed_content("loss")
    target = torch.zeros(1, 8, 16, 16)
    target[:, :2, 4:12, 4:12], target[:, 4:6, 2:14, 2:14] = 1, 1
    target[:, 2:4, 4:12, 4:12], target[:, 6:8, 2:14, 2:14] = 0.3, -0.4
    order = [0, 1, 4, 5, 2, 3, 6, 7]  # the network's maps as targets: offsets last
    perfect = target[:, order].clone()
    perfect[:, [0, 2]] = 200 * perfect[:, [0, 2]] - 100
    assert float(loss(perfect, target)) == pytest.approx(0, abs=1e-4)
    maps = torch.randn(1, 8, 16, 16, requires_grad=True)
    loss(maps, target).backward()
    assert all(bool(maps.grad[:, n].any()) for n in range(8))
