"""The memory of a step is the sum of what its tensors take, told before the training, and changes nothing."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from common.probes import StepMemory, check_step_memory, measure_step, step_memory

FLOAT = 4
ONE_GB = 10**9


def squared(maps: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((maps - target) ** 2).mean()


def crop(side: int, channels: int = 1) -> torch.Tensor:
    return torch.zeros(channels, side, side)


class Keeps(nn.Module):
    """Keeps the results of `depth` layers for the gradient."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.depth = depth

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = image * self.weight
        for _ in range(self.depth):
            maps = maps.sigmoid()
        return maps


def per_crop(network: nn.Module, side: int) -> float:
    """Return the bytes of one crop's tensors in a step."""
    given = 2 * FLOAT * side**2
    memory = measure_step(network, squared, crop(side), crop(side))
    return (memory.per_crop - given) / step_memory._SHARE["cpu"]


def test_what_is_kept_for_the_gradient_counts_by_the_byte() -> None:
    one_map = FLOAT * 128**2
    assert per_crop(Keeps(30), 128) - per_crop(Keeps(10), 128) == 20 * one_map
    # What is freed at once does not: without a gradient each result takes the place of the one before.
    frozen = Keeps(30).requires_grad_(False)
    head = nn.Sequential(frozen, Keeps(0))
    assert per_crop(head, 128) < 8 * one_map


@pytest.mark.parametrize("side", [32, 128, 512])
def test_it_grows_with_the_area(side: int) -> None:
    """Large crops are measured by a part, small ones two at a time."""
    assert per_crop(Keeps(50), side) / side**2 == pytest.approx(per_crop(Keeps(50), 256) / 256**2, rel=0.02)


def test_weights_count_by_what_the_optimizer_keeps() -> None:
    narrow, wide = (nn.Conv2d(1, 1, size, padding="same") for size in (1, 101))
    fixed = [measure_step(each, squared, crop(128), crop(128)).fixed for each in (narrow, wide)]
    assert fixed[1] - fixed[0] == 3 * FLOAT * (101**2 - 1)
    wide.requires_grad_(False)
    wide.bias.requires_grad_(True)
    assert measure_step(wide, squared, crop(128), crop(128)).fixed < fixed[1]


def test_nothing_changes() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, maps: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            random.random(), np.random.rand(), torch.rand(1)
            return squared(maps, target)

    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Conv2d(2, 1, 1)
    )
    network.eval()
    loss = Counting()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    measure_step(network, loss, crop(64), crop(64))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert not network.training and loss.calls == 0
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (np.random.get_state()[1].tolist(), random.getstate())


def items_of(side: int) -> list[dict[str, torch.Tensor]]:
    return [{"image": crop(side), "label": crop(side)}]


@pytest.mark.parametrize("free", [ONE_GB, 12 * ONE_GB])
def test_what_cannot_fit_is_refused_with_what_does(monkeypatch, free: int) -> None:
    monkeypatch.setattr(step_memory, "free_memory", lambda device: free)
    network, items = Keeps(100), items_of(128)
    with pytest.raises(
        ValueError, match=r"^--batch_size 100000 takes about .* GB of memory, and .* are free: "
    ) as raised:
        check_step_memory(network, squared, dict, items, batch_size=100_000)
    assert "\n" not in str(raised.value)
    words = str(raised.value).split("--batch_size ")[-1].split()
    fits = int(words[0])
    assert "--accumulation_steps" in words and fits > 0
    check_step_memory(network, squared, dict, items, batch_size=fits)
    memory = measure_step(network, squared, crop(128), crop(128))
    assert memory.of(fits) <= free < memory.of(fits + 1)


def test_where_not_one_crop_fits_smaller_ones_are_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(step_memory, "free_memory", lambda device: 10**6)
    with pytest.raises(ValueError, match="not even one crop fits: give a smaller --crop_px$"):
        check_step_memory(Keeps(1), squared, dict, items_of(64), batch_size=4)


def test_it_is_said_and_warned_of_near_the_limit(monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO)
    needed = measure_step(Keeps(9), squared, crop(128), crop(128)).of(64)
    for free, level in ((100 * ONE_GB, "INFO"), (needed, "WARNING"), (None, "INFO")):
        monkeypatch.setattr(step_memory, "free_memory", lambda device, free=free: free)
        caplog.clear()
        check_step_memory(Keeps(9), squared, dict, items_of(128), batch_size=64)
        (record,) = caplog.records
        assert record.levelname == level
        assert record.getMessage().startswith("a training step of 64 crops takes about 0.2 GB of memory")


def test_a_part_that_fails_is_left_to_the_training() -> None:
    def broken(*_: object) -> torch.Tensor:
        raise IndexError("the training says this better")

    check_step_memory(Keeps(1), broken, dict, items_of(64), batch_size=4)
    check_step_memory(Keeps(1), squared, broken, items_of(64), batch_size=4)
    check_step_memory(Keeps(1), squared, dict, [], batch_size=10**9)
    with pytest.raises(ValueError, match="^--batch_size"):
        check_step_memory(Keeps(1), squared, dict, items_of(64), batch_size=10**9)


def test_the_largest_batch_is_the_last_that_fits() -> None:
    memory = StepMemory(fixed=100.0, per_crop=7.0)
    for free in range(100, 200):
        batch = memory.largest_batch(free)
        assert memory.of(batch) <= free < memory.of(batch + 1)
    assert memory.largest_batch(3) == 0


PROGRAM = """
import resource, sys, torch
from common.devices import tune_cpu
from common.networks import ResNet18UNet
from common.probes import measure_step
from torch.nn.functional import binary_cross_entropy_with_logits as loss
tune_cpu()
network, batch = ResNet18UNet(), int(sys.argv[1])
if sys.argv[2] == "estimate":
    print(measure_step(network, loss, torch.rand(1, 128, 128), torch.rand(1, 128, 128)).of(batch))
else:
    before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    optimizer = torch.optim.AdamW(network.parameters())
    images, targets = torch.rand(2, batch, 1, 128, 128)
    for _ in range(2):
        loss(network(images), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
"""


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is read from /proc")
@pytest.mark.parametrize("batch", [8, 24])
def test_a_process_takes_about_as_much_as_was_said(repository: Path, batch: int) -> None:
    said, taken = (
        float(
            subprocess.run(
                [sys.executable, "-c", PROGRAM, str(batch), what],
                cwd=repository,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for what in ("estimate", "measure")
    )
    assert 1 / 1.3 < said / taken < 1.3, f"{said / 1e6:.0f} MB were said, {taken / 1e6:.0f} MB taken"
