"""Laws of UNetPlusPlus: it is MONAI's network, of which it returns one tensor."""

from typing import Any

import pytest
import torch
from monai.networks.nets import BasicUNetPlusPlus
from torch import Tensor

from common.networks import UNetPlusPlus

TINY = (4, 4, 8, 8, 8, 4)


def make(**options: Any) -> UNetPlusPlus:
    torch.manual_seed(0)
    return UNetPlusPlus(1, 3, **{"features": TINY, **options}).eval()


def original() -> BasicUNetPlusPlus:
    return BasicUNetPlusPlus(2, 1, 3, features=TINY, deep_supervision=True, norm="batch").eval()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_maps_are_the_average_of_the_heads(image: Tensor) -> None:
    network, theirs = make(), original()
    theirs.load_state_dict(network.state_dict())
    heads = theirs(image)
    assert len(heads) == 4 and not torch.allclose(heads[0], heads[3])
    torch.testing.assert_close(network(image), (heads[0] + heads[1] + heads[2] + heads[3]) / 4)


@torch.no_grad()
def test_without_deep_supervision_the_deepest_head_is_the_only_one(image: Tensor) -> None:
    network, theirs = make(deep_supervision=False), original()
    missing = set(theirs.state_dict()) - set(network.state_dict())
    assert missing == {f"final_conv_0_{n}.{part}" for n in (1, 2, 3) for part in ("weight", "bias")}
    theirs.load_state_dict(network.state_dict(), strict=False)
    torch.testing.assert_close(network(image), theirs(image)[3])


def test_every_head_learns_even_with_one_tensor(image: Tensor) -> None:
    network = make().train()
    network(image).square().mean().backward()
    for number in (1, 2, 3, 4):
        assert getattr(network, f"final_conv_0_{number}").weight.grad.any()


def test_no_parameter_is_idle_without_deep_supervision(image: Tensor) -> None:
    network = make(deep_supervision=False).train()
    network(image).square().mean().backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]


def test_published_widths_have_nine_million_weights() -> None:
    """As the paper's table of U-Net++ says."""
    network = UNetPlusPlus(1, 1, features=(32, 64, 128, 256, 512, 32))
    assert sum(weight.numel() for weight in network.parameters()) == pytest.approx(9.04e6, rel=0.02)


def test_a_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(ValueError, match=r"features are 5 widths, \[4, 4, 8, 8, 8\]: give six"):
        UNetPlusPlus(features=[4, 4, 8, 8, 8])
