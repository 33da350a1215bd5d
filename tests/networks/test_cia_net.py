"""Laws of CIANet: two decoders that hear of each other at every level, and maps in the order promised."""

from typing import Any

import pytest
import torch
from monai.networks.nets import DenseNet
from torch import Tensor

from common.networks import CIANet

TINY = {"init_features": 8, "growth_rate": 4, "layers": (1, 2, 1, 1), "width": 8}


def make(out_channels: int = 5, **options: Any) -> CIANet:
    torch.manual_seed(0)
    return CIANet(1, out_channels, **{**TINY, **options}).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_last_maps_are_the_contours(image: Tensor) -> None:
    network = make()
    before = network(image)
    network.contour_head.bias += 1
    after = network(image)
    assert torch.equal(before[:, :4], after[:, :4])
    torch.testing.assert_close(before[:, 4:] + 1, after[:, 4:])


@pytest.mark.parametrize("decoder", ["nucleus", "contour"])
@pytest.mark.parametrize("position", [0, 1, 2])
@torch.no_grad()
def test_what_one_decoder_knows_at_a_level_the_other_hears(
    image: Tensor, decoder: str, position: int
) -> None:
    network = make()
    before = network(image)
    getattr(network, f"{decoder}_laterals")[position][2].weight.mul_(3)
    after = network(image)
    assert not torch.equal(before[:, :4], after[:, :4]) and not torch.equal(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize(("out_channels", "contour_channels"), [(1, 1), (4, 0), (1, 0)])
def test_without_a_map_of_contours_nothing_is_idle(
    image: Tensor, out_channels: int, contour_channels: int
) -> None:
    network = make(out_channels, contour_channels=contour_channels).train()
    assert network.contour_head is None
    maps = network(image)
    assert maps.shape == (2, out_channels, 32, 48)
    maps.square().mean().backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]
    assert network.contour_laterals[2][2].weight.grad.any(), "its features still reach the nuclei"


@pytest.mark.parametrize(("options", "divisor"), [({}, 16), ({"stem_stride": 1}, 8), ({"layers": (1, 1)}, 4)])
@torch.no_grad()
def test_the_divisor_follows_from_stride_and_blocks(options: dict[str, Any], divisor: int) -> None:
    network = make(**options)
    assert network.divisor == divisor
    assert network(torch.rand(1, 1, divisor, 2 * divisor)).shape == (1, 5, divisor, 2 * divisor)
    with pytest.raises(ValueError, match=f"height {divisor // 2} is not a multiple of {divisor}"):
        network(torch.rand(1, 1, divisor // 2, divisor))


@torch.no_grad()
def test_the_blocks_are_monais_densenet(image: Tensor) -> None:
    network = make()
    theirs = DenseNet(2, 1, 1, init_features=8, growth_rate=4, block_config=(1, 2, 1, 1)).eval().features
    for number, block in enumerate(network.blocks, 1):
        getattr(theirs, f"denseblock{number}").load_state_dict(block.state_dict())
    for number, transition in enumerate(network.transitions, 1):
        getattr(theirs, f"transition{number}").load_state_dict(transition.state_dict())
    ours = x = network.stem(image)
    for block, transition in zip(network.blocks, [*network.transitions, torch.nn.Identity()], strict=True):
        ours = transition(block(ours))
    for name, module in theirs.named_children():
        if name.startswith(("dense", "transition")):
            x = module(x)
    torch.testing.assert_close(ours, x)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stem_stride": 4}, "stem_stride is 4: choose 1 or 2"),
        ({"layers": (3,)}, r"layers are of 1 block, \[3\]: give at least two blocks"),
        ({"contour_channels": -1}, "contour_channels is -1: choose 0 or more"),
    ],
)
def test_options_that_fit_no_network_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)
