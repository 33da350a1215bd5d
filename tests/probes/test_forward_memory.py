"""The memory of a forward pass is a straight line over the pixels, and no process takes more than it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from common.probes import ForwardMemory, LiveBytes, forward_memory, measure_forward

FLOAT = 4
ROOT = Path(__file__).parents[2]


class Widens(nn.Module):
    """Holds the image and `width` channels of it at once, and puts out three."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor) -> Tensor:
        return image.repeat(1, self.width, 1, 1)[:, :1].repeat(1, 3, 1, 1)


@pytest.mark.parametrize("width", [2, 20])
def test_tensors_count_by_the_byte(width: int) -> None:
    memory = measure_forward(Widens(width), 1, divisor=16)
    assert memory.per_pixel == FLOAT * (width + 3) * forward_memory._SHARE["cpu"]
    assert memory.fixed == 0 and memory.maps == 3


def test_what_fits_takes_no_more() -> None:
    memory = ForwardMemory(fixed=1000, per_pixel=7, maps=1)
    for free in (999, 1000, 1007, 5000):
        assert memory.of(memory.largest_area(free)) <= max(free, memory.fixed)
        assert memory.of(memory.largest_area(free) + 1) > free


def test_freed_tensors_do_not_count() -> None:
    with LiveBytes() as live:
        for _ in range(5):
            torch.ones(100)
        view = torch.ones(10)[:5]
    assert live.peak == 400 and live.now == 40 and len(view) == 5


PROGRAM = """
import resource, sys, torch
from common.devices import tune_cpu
from common.networks import prepare, ResNet18UNet
from common.probes import measure_forward
tune_cpu()
amp, side = sys.argv[1] == "low", 1024
network = prepare(ResNet18UNet(1, 4), "cpu", amp=amp).eval()
if sys.argv[2] == "said":
    print(measure_forward(network, 1, divisor=16).of(side**2))
else:
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with torch.no_grad():
        network(torch.rand(1, 1, 64, 64))
        image, before = torch.rand(1, 1, side, side), peak()
        for _ in range(2):
            network(image)
    print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is in kilobytes on Linux alone")
@pytest.mark.parametrize("precision", ["full", "low"])
def test_a_process_takes_no_more_than_is_said(precision: str) -> None:
    said, taken = (
        float(
            subprocess.run(
                [sys.executable, "-c", PROGRAM, precision, what],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            ).stdout
        )
        for what in ("said", "taken")
    )
    assert 0.3 * said < taken <= said
