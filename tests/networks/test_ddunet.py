"""Laws of DDUNet: two decoders on one encoder, each with maps of its own."""

from typing import Any

import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from common.networks import DDUNet

TINY: dict[str, Any] = {"features": (4, 8, 8, 8)}


def make(out_channels: int = 4, **options: Any) -> DDUNet:
    torch.manual_seed(0)
    return DDUNet(1, out_channels, **{**TINY, **options}).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("foreground", [1, 2, 3])
@torch.no_grad()
def test_each_decoder_has_its_own_maps(image: Tensor, foreground: int) -> None:
    network = make(foreground_channels=foreground)
    before = network(image)
    assert len(network.decoders) == 2
    for weight in network.decoders[1].parameters():
        weight.add_(0.1)
    after = network(image)
    assert torch.equal(before[:, :foreground], after[:, :foreground])
    assert not torch.equal(before[:, foreground:], after[:, foreground:])


def test_both_decoders_teach_the_encoder(image: Tensor) -> None:
    network = make().train()
    first, last = network.encoder[0], network.encoder[-1]
    for maps in (slice(0, 1), slice(1, 4)):
        network.zero_grad()
        network(image)[:, maps].square().mean().backward()
        for block in (first, last):
            assert all(weight.grad.any() for weight in block.parameters())


@torch.no_grad()
def test_with_one_map_it_is_a_plain_unet() -> None:
    """As many weights as MONAI's, but for its transposed convolutions, which halve the channels."""
    network = make(1, features=(4, 8, 16, 32, 64))
    assert len(network.decoders) == 1
    theirs = BasicUNet(2, 1, 1, features=(4, 8, 16, 32, 64, 4), norm="batch", bias=False)

    def shapes(module: nn.Module) -> list[torch.Size]:
        kinds = (nn.Conv2d, nn.BatchNorm2d)
        return [
            weight.shape for each in module.modules() if isinstance(each, kinds) for weight in [each.weight]
        ]

    ours = shapes(network.encoder)
    assert ours and ours == shapes(theirs)[: len(ours)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"features": [8]}, r"features is of 1 width, \[8\]: give at least two"),
        ({"foreground_channels": 0}, "foreground_channels is 0: choose 1 or more"),
    ],
)
def test_options_that_fit_no_network_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)
