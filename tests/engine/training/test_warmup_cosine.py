"""Laws of the default schedule: an encoder's rate is its factor of the rest's, and one rate is MONAI's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.optimizers import WarmupCosineSchedule

from common.engine.training import WarmupCosine

SHARED = ConfigParser.load_config_file(Path(__file__).parents[3] / "common" / "configs" / "train.json")


def optimizer_of(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": torch.nn.Parameter(torch.zeros(1)), "lr": rate} for rate in rates])


def history(optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler, steps: int):
    """Return the rates of every group, from before the first step until after the last."""
    found = [[group["lr"] for group in optimizer.param_groups]]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        found.append([group["lr"] for group in optimizer.param_groups])
    return found


@pytest.mark.parametrize("factor", [0.001, 0.1, 3.0])
def test_the_bundles_schedule_keeps_the_encoders_factor_at_every_step(factor: float):
    """By the lines of the configuration that all bundles share."""
    optimizer = optimizer_of(0.002, 0.002 * factor)
    numbers = {
        **{"learning_rate": 0.002, "warmup_epochs": 2, "epochs": 10},
        **{"steps_per_epoch": 7, "accumulation_steps": 2},
    }
    parser = ConfigParser({"scheduler": SHARED["scheduler"], "optimizer": optimizer, **numbers})
    rates = history(optimizer, parser.get_parsed_content("scheduler"), 40)
    assert rates[0] == [0, 0] and rates[8] == [0.002, 0.002 * factor]
    assert rates[-1] == pytest.approx([0.00002, 0.00002 * factor])
    for rest, encoder in rates:
        assert encoder == pytest.approx(factor * rest, rel=1e-12)


@pytest.mark.parametrize(("warmup", "total"), [(0, 30), (5, 30), (30, 30), (5, 20)])
def test_one_rate_moves_as_monais_does_bit_for_bit(warmup: int, total: int):
    """Also beyond the end of the schedule."""
    ours, theirs = optimizer_of(0.003), optimizer_of(0.003)
    one = WarmupCosine(ours, warmup, total, end_share=0.01)
    other = WarmupCosineSchedule(theirs, warmup, total, end_lr=0.01 * 0.003)
    assert history(ours, one, 30) == history(theirs, other, 30)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_an_impossible_end_is_refused(share: float):
    with pytest.raises(ValueError, match="end_share"):
        WarmupCosine(optimizer_of(0.1), 0, 5, end_share=share)
