"""How far a network sees is found whatever its weights are, and the network stays as it was."""

import pytest
import torch
from torch import Tensor, nn

from common.probes import reach_px

from ..networks.test_every_network import each_network, make


def convolutions(*sizes: int) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for size in sizes:
        layers += [nn.Conv2d(1, 1, size, padding=size // 2), nn.ReLU()]
    return nn.Sequential(*layers)


def reach(network: nn.Module, *, divisor: int = 1, limit_px: int = 50) -> int:
    return reach_px(network, 1, divisor=divisor, step_px=divisor, limit_px=limit_px)


@pytest.mark.parametrize(("sizes", "expected"), [((1,), 0), ((3,), 1), ((3, 5, 7), 6), ((3, 1, 3), 2)])
def test_it_is_the_sum_of_the_kernels(sizes: tuple[int, ...], expected: int) -> None:
    network = convolutions(*sizes)
    assert reach(network) == expected
    for weight in network.parameters():
        nn.init.zeros_(weight)
    assert reach(network) == expected, "weights of zero hide what may come"


def test_it_grows_with_the_stride_and_is_the_farther_of_both_axes_and_sides() -> None:
    down = nn.Sequential(nn.MaxPool2d(4), *convolutions(3), nn.Upsample(scale_factor=4))
    assert reach(down, divisor=4) == 4
    for size, padding in (((1, 9), (0, 4)), ((9, 1), (4, 0))):
        assert reach(nn.Conv2d(1, 1, size, padding=padding)) == 4
    assert reach(nn.Sequential(nn.ZeroPad2d((6, 0, 0, 0)), nn.Conv2d(1, 1, (1, 7)))) == 6


def test_a_field_without_an_end_is_the_limit() -> None:
    assert reach(nn.Sequential(convolutions(3), nn.InstanceNorm2d(1)), limit_px=32) == 32
    assert reach(convolutions(3, 3, 3), limit_px=2) == 2


@each_network
def test_a_network_stays_as_it_was(name: str) -> None:
    network = make(name).train()
    frozen = next(each for each in network.modules() if isinstance(each, nn.BatchNorm2d)).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert 0 < reach_px(network, 1, divisor=32, step_px=64, limit_px=640) <= 640
    assert network.training and not frozen.training
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert all(weight.grad is None for weight in network.parameters())


def test_further_arguments_reach_the_network() -> None:
    class Chooses(nn.Module):
        def forward(self, image: Tensor, far: bool, *, size: int = 1) -> Tensor:
            return nn.functional.avg_pool2d(image, size, 1, size // 2) if far else image

    options = {"divisor": 1, "step_px": 1, "limit_px": 9}
    assert reach_px(Chooses(), 1, arguments=(True,), options={"size": 5}, **options) == 2
    assert reach_px(Chooses(), 1, arguments=(False,), **options) == 0
