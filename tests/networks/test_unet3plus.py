"""Laws of UNet3Plus: full-scale skips, gates that are gates, side maps while it trains."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from common.losses import SideMapsLoss
from common.networks import UNet3Plus
from common.networks.unet3plus import ACTIVATIONS, ActivatedConvolution, FullScaleDecoder

TINY: dict[str, Any] = {"features": (4, 8, 8, 8), "branch_features": 4}


def make(out_channels: int = 3, **options: Any) -> UNet3Plus:
    torch.manual_seed(0)
    return UNet3Plus(1, out_channels, **{**TINY, **options}).eval()


def weights_of(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


def test_the_published_network_has_27_million_weights() -> None:
    """As the paper's table of U-Net3+ says, with and without deep supervision."""
    published: dict[str, Any] = {"features": (64, 128, 256, 512, 1024), "branch_features": 64}
    assert weights_of(UNet3Plus(3, 1, **published)) == pytest.approx(26.97e6, rel=0.001)
    assert weights_of(UNet3Plus(3, 1, **published, deep_supervision=True)) == pytest.approx(
        26.97e6, rel=0.002
    )


@pytest.mark.parametrize("source", range(4))
@torch.no_grad()
def test_every_level_hears_the_encoder_at_its_own_and_all_finer_scales(source: int) -> None:
    torch.manual_seed(0)
    decoder = FullScaleDecoder([2, 3, 4, 5], branch_features=2).eval()
    features = [torch.rand(1, width, 32 >> i, 32 >> i) for i, width in enumerate([2, 3, 4, 5])]
    before = decoder(features)
    features[source] = features[source] + torch.rand_like(features[source])
    after = decoder(features)
    changed = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    # Coarser sources than a level's own reach it by the decoder, which all finer levels hear.
    assert changed == [True, True, True, source == 3]
    assert [level.shape[1] for level in after] == [8, 8, 8, 5]


@torch.no_grad()
def test_a_level_hears_each_coarser_level_directly() -> None:
    """Not by way of the level between: with that one silenced, the finest still changes."""
    torch.manual_seed(0)
    decoder = FullScaleDecoder([2, 2, 2, 2], branch_features=2).eval()
    features = [torch.rand(1, 2, 32 >> i, 32 >> i) for i in range(4)]
    for level in (1, 2):
        for weight in decoder.fusions[level].parameters():
            weight.zero_()
    before = decoder(features)
    features[3] = features[3] + 1
    after = decoder(features)
    assert torch.equal(before[1], after[1]) and torch.equal(before[2], after[2])
    assert not torch.equal(before[0], after[0])


@pytest.mark.parametrize(
    ("activation", "theirs"),
    [
        ("relu", lambda x: x.clamp(min=0)),
        ("leaky_relu", lambda x: torch.where(x > 0, x, 0.01 * x)),
        ("swish", lambda x: x * torch.sigmoid(x)),
        ("glu", lambda x: x[:, :4] * torch.sigmoid(x[:, 4:])),
        ("glu_matched", lambda x: x[:, :4] * torch.sigmoid(x[:, 4:])),
    ],
)
@torch.no_grad()
def test_activations_are_their_formulas(activation: str, theirs: Any) -> None:
    unit = ActivatedConvolution(3, 4, activation=activation).eval()
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(unit(x), theirs(unit.convolution(x)))


@torch.no_grad()
def test_a_shut_gate_passes_nothing_and_an_open_one_all() -> None:
    unit = ActivatedConvolution(1, 2, activation="glu").eval()
    norm = unit.convolution.adn.N
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    norm.bias[2:] = -100
    assert unit(x).abs().max() < 1e-6
    norm.bias[2:] = 100
    torch.testing.assert_close(unit(x), unit.convolution(x)[:, :2])


def test_gates_double_the_weights_unless_the_width_is_matched() -> None:
    weights = {activation: weights_of(UNet3Plus(3, 4, activation=activation)) for activation in ACTIVATIONS}
    assert len({weights[name] for name in ("relu", "leaky_relu", "swish")}) == 1
    assert weights["glu"] == pytest.approx(2 * weights["relu"], rel=0.01)
    assert weights["glu_matched"] == pytest.approx(weights["relu"], rel=0.02)


@torch.no_grad()
def test_in_training_the_side_maps_follow_the_networks_own(image: Tensor) -> None:
    network = make(deep_supervision=True)
    maps = network(image)
    assert maps.shape == (2, 3, 32, 48)
    network.heads[2].bias += 1
    assert torch.equal(network(image), maps), "a side head changes what is inferred"
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # its statistics are those of a batch in training
    told = network(image)
    assert told.shape == (2, 12, 32, 48)
    torch.testing.assert_close(told[:, :3], maps)
    network.heads[2].bias += 1
    torch.testing.assert_close(network(image) - told, torch.ones(12)[:, None, None].mul(
        (torch.arange(12) // 3 == 2)[:, None, None]
    ).expand_as(told))  # fmt: skip


def test_side_heads_learn_by_the_loss_that_reads_them(image: Tensor) -> None:
    network = make(deep_supervision=True).train()
    loss = SideMapsLoss(nn.BCEWithLogitsLoss(), maps=3)
    loss(network(image), (image > 0.5).float().expand(-1, 3, -1, -1)).backward()
    assert len(network.heads) == 4
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


@torch.no_grad()
def test_weights_fit_whichever_way_coarse_sources_are_enlarged(image: Tensor) -> None:
    cheap, published = make(), make(enlarge_first=True)
    published.load_state_dict(cheap.state_dict())
    assert not torch.equal(cheap(image), published(image))
    # Where nothing varies, it is the same: but for the edge, where convolutions see zeros.
    flat = torch.full((1, 1, 192, 192), 0.5)
    for network in (cheap, published):
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.padding_mode, module._reversed_padding_repeated_twice = "replicate", [1, 1, 1, 1]
    torch.testing.assert_close(cheap(flat), published(flat))


@pytest.mark.parametrize("count", [2, 3, 5])
@torch.no_grad()
def test_the_divisor_follows_from_the_scales(count: int) -> None:
    network = make(features=[4] * count)
    divisor = 2 ** (count - 1)
    assert network.divisor == divisor
    assert network(torch.rand(1, 1, divisor, 2 * divisor)).shape == (1, 3, divisor, 2 * divisor)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"activation": "gelu"}, "activation 'gelu' is unknown: choose one of relu, leaky_relu, swish, glu"),
        ({"features": [8]}, r"features is of 1 width, \[8\]: give at least two"),
        ({"features": [8, 0]}, r"features \[8, 0\] and branch_features 4 must all be 1 or more"),
        ({"branch_features": 0}, "branch_features 0 must all be 1 or more"),
        ({"dropout": 1}, "dropout is 1: choose a probability of at least 0 and below 1"),
    ],
)  # fmt: skip
def test_options_that_fit_no_network_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)
