"""The U-Net3+ beside a frozen model: where both are joined, and that nothing of the model is in it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from common.networks import FusedUNet3Plus, UNet3Plus
from common.networks.unet3plus import FUSIONS, EnhancedFusion

SMALL: dict[str, Any] = {"features": (4, 4, 8, 8, 8), "branch_features": 4}


class Patches:
    """A frozen model: five numbers for every 16 x 16 pixels, and how it was asked."""

    in_channels, features = 3, 5

    def __init__(self, digest: bytes = b"patches") -> None:
        self.digest = digest
        self.asked: list[bool] = []
        self.weight = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def __call__(self, image: Tensor, *, keep: bool = False) -> Tensor:
        self.asked.append(keep)
        return nn.functional.conv2d(image.detach(), self.weight, stride=16).half()


def make(**options: Any) -> FusedUNet3Plus:
    torch.manual_seed(0)
    return FusedUNet3Plus(3, 4, **{"foundation": Patches(), "window": 2, **SMALL, **options})


def image(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def test_without_a_model_it_is_the_network_alone() -> None:
    torch.manual_seed(0)
    plain = UNet3Plus(3, 4, activation="glu", **SMALL).eval()
    alone = make(foundation=None).eval()
    assert {name for name in alone.state_dict()} - {"_extra_state"} == set(plain.state_dict())
    alone.load_state_dict({**alone.state_dict(), **plain.state_dict()})
    assert torch.equal(alone(image(1, 3, 64, 48)), plain(image(1, 3, 64, 48)))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_features_matter_and_may_be_given(fusion: str) -> None:
    network = make(fusion=fusion).eval()
    pixels = image(2, 3, 64, 48)
    given = network.foundation(pixels)
    maps = network(pixels)
    assert torch.equal(maps, network(pixels, features=given))
    assert not torch.allclose(maps, network(pixels, features=-given), atol=1e-4)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_way_of_joining_is_trained(fusion: str) -> None:
    network = make(fusion=fusion).train()
    maps = network(image(3, 3, 64, 64))
    (maps * torch.rand(maps.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


def test_only_what_comes_again_is_kept() -> None:
    network = make()
    network.eval()(image(1, 3, 32, 32))
    network.train()(image(2, 3, 32, 32))
    network(image(2, 3, 32, 32), features=torch.zeros(2, 5, 2, 2))
    assert network.foundation.asked == [True, False]


def test_features_of_another_grid_are_brought_to_the_coarsest_scale() -> None:
    network = make(features=(4, 4, 8, 8), num_heads=2).eval()  # at /8
    assert network(image(1, 3, 64, 48)).shape == (1, 4, 64, 48)


def test_the_model_is_neither_in_the_weights_nor_copied() -> None:
    network, plain = make(), make(foundation=None)
    more = set(network.state_dict()) - set(plain.state_dict())
    assert more and all(name.startswith("fusion.") for name in more)
    assert all(
        name.startswith(("encoder", "decoder", "heads", "fusion")) for name, _ in network.named_parameters()
    )


def test_weights_are_refused_beside_another_model(tmp_path) -> None:
    network = make()
    torch.save(network.state_dict(), tmp_path / "model.pt")
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    make().load_state_dict(state)
    with pytest.raises(
        ValueError, match="another foundation model .* give --sam_weights as in their training"
    ):
        make(foundation=Patches(b"others")).load_state_dict(state)


def test_side_heads_are_there_too() -> None:
    network = make(deep_supervision=True)
    assert network.train()(image(2, 3, 64, 64)).shape == (2, 4 * 5, 64, 64)
    assert network.eval()(image(2, 3, 64, 64)).shape == (2, 4, 64, 64)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"fusion": "crossed"}, "fusion 'crossed' is unknown: choose one of cross, self, concat"),
        ({"window": 0}, "window is 0"),
        ({"num_heads": 3}, "8 channels cannot be shared among 3 heads"),
    ],
)
def test_options_that_fit_no_network(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)


def test_a_model_of_other_channels_than_the_network() -> None:
    with pytest.raises(ValueError, match="in_channels is 1, and the foundation model sees 3"):
        FusedUNet3Plus(1, 4, foundation=Patches(), **SMALL)


class TestEnhancedFusion:
    def block(self, **options: Any) -> EnhancedFusion:
        torch.manual_seed(0)
        return EnhancedFusion(8, 5, **{"window": 4, **options}).eval()

    @pytest.mark.parametrize("attention", ["cross", "self"])
    def test_what_attention_adds_is_that_of_torchs_own(self, attention: str) -> None:
        """Queries, keys and values through torch's MultiheadAttention with the same weights."""
        block = self.block(attention=attention)
        own, theirs = image(3, 16, 8), image(3, 16, 5)
        tokens = block.excitation(
            torch.cat([block.local_norm(own), block.project(block.foundation_norm(theirs))], dim=2)
        )
        if attention == "cross":
            asking, told = block.query_unit(tokens[..., :8]), block.value_unit(tokens[..., 8:])
        else:
            asking = told = block.query_unit(tokens)
        other = nn.MultiheadAttention(8, 4, batch_first=True).eval()
        with torch.no_grad():
            other.in_proj_weight.copy_(torch.cat([block.query.weight, block.key_value.weight]))
            other.in_proj_bias.zero_()
            other.out_proj.load_state_dict(block.out.state_dict())
        expected = other(asking, told, told, need_weights=False)[0]
        torch.testing.assert_close(block._join(own, theirs), expected)

    def test_a_window_does_not_know_the_others(self) -> None:
        block = self.block()
        own, theirs = image(1, 8, 8, 12), image(1, 5, 8, 12)
        window = (..., slice(4, 8), slice(8, 12))
        torch.testing.assert_close(block(own, theirs)[window], block(own[window], theirs[window]))

    def test_edges_of_an_image_need_no_whole_window(self) -> None:
        block = self.block()
        own, theirs = image(2, 8, 5, 3), image(2, 5, 5, 3)
        padded = [nn.functional.pad(each, (0, 1, 0, 3), mode="replicate") for each in (own, theirs)]
        torch.testing.assert_close(block(own, theirs), block(*padded)[..., :5, :3])

    def test_without_what_it_adds_the_features_pass(self) -> None:
        block = self.block()
        nn.init.zeros_(block.out.weight), nn.init.zeros_(block.out.bias)
        own = image(1, 8, 4, 4)
        assert torch.equal(block(own, image(1, 5, 4, 4)), own)

    def test_queries_are_the_networks_and_values_the_models(self) -> None:
        """With one value everywhere attention cannot choose: all that is added is the same in all places."""
        block = self.block(attention="cross")
        own, flat = image(1, 8, 4, 4), torch.ones(1, 5, 4, 4)
        added = block(own, flat) - own
        torch.testing.assert_close(added, added[..., :1, :1].expand_as(added))
        added = self.block(attention="self")(own, flat) - own
        assert added.std(dim=(2, 3)).max() > 1e-4

    def test_an_attention_that_is_unknown(self) -> None:
        with pytest.raises(ValueError, match="attention 'both' is unknown: choose cross or self"):
            self.block(attention="both")


def test_a_copy_has_the_same_model() -> None:
    network = make()
    network.foundation.weight.requires_grad_(False)
    assert copy.deepcopy(network).state_dict().keys() == network.state_dict().keys()
