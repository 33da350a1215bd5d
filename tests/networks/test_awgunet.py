"""Laws of AWGUNet: MONAI's DenseNet inside, wavelets that lose nothing, gates that only let less through."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import DenseNet
from torch import Tensor

from common.networks import AWGUNet
from common.networks.baselines import WaveletAttention, haar_bands

TINY: dict[str, Any] = {
    "init_features": 8,
    "growth_rate": 4,
    "layers": (1, 2, 1),
    "decoder_features": (4, 4, 8, 8),
}


def make(**options: Any) -> AWGUNet:
    torch.manual_seed(0)
    return AWGUNet(1, 3, **{**TINY, **options}).eval()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_bands_are_the_haar_transform_by_matrices() -> None:
    x = random(2, 3, 8, 6)
    low = np.kron(np.eye(4), [1, 1]) / np.sqrt(2)
    high = np.kron(np.eye(4), [-1, 1]) / np.sqrt(2)
    expected = [
        np.einsum("ir,bcrs,js->bcij", rows, x.numpy(), columns[:3, :6])
        for rows in (low, high)
        for columns in (low, high)
    ]
    np.testing.assert_allclose(haar_bands(x), np.concatenate(expected, axis=1), atol=1e-5)


def test_bands_keep_the_energy_and_a_flat_map_has_no_details() -> None:
    x = random(2, 3, 8, 6)
    torch.testing.assert_close(haar_bands(x).square().sum(), x.square().sum())
    flat = haar_bands(torch.full((1, 2, 4, 4), 3.0))
    assert (flat[:, :2] == 6).all() and not flat[:, 2:].any()


@torch.no_grad()
def test_attention_lets_less_through_and_never_turns_a_sign() -> None:
    torch.manual_seed(0)
    attention, x = WaveletAttention(6), random(2, 6, 8, 8)
    share = attention(x) / x
    assert (share > 0).all() and (share < 1).all() and share.std() > 0


@torch.no_grad()
def test_channel_gates_do_not_depend_on_the_images_size() -> None:
    torch.manual_seed(0)
    attention, x = WaveletAttention(6), random(1, 6, 8, 8)
    once, twice = attention(x), attention(x.repeat(1, 1, 2, 2))
    torch.testing.assert_close(twice, once.repeat(1, 1, 2, 2))


@torch.no_grad()
def test_attention_sees_edges_where_averages_are_the_same() -> None:
    """Two maps whose blocks of 2 x 2 have the same averages: a blur by blocks would not tell them apart."""
    torch.manual_seed(0)
    attention = WaveletAttention(1)
    attention.features.weight.zero_()  # so that the bands alone decide
    flat, edges = torch.full((1, 1, 4, 4), 2.0), torch.tensor([1.0, 3.0]).repeat(1, 1, 4, 2)
    assert torch.equal(haar_bands(flat)[:, :1], haar_bands(edges)[:, :1])
    assert not torch.allclose(attention(flat) / flat, attention(edges) / edges)


@torch.no_grad()
def test_the_encoder_is_monais_densenet() -> None:
    network, image = make(), random(2, 1, 64, 32)
    theirs = DenseNet(2, 1, 1, init_features=8, growth_rate=4, block_config=(1, 2, 1, 1)).eval().features
    theirs.conv0.load_state_dict(network.stem[0].state_dict())
    for number in (1, 2, 3):
        block = getattr(theirs, f"denseblock{number}")
        block.load_state_dict(network.blocks[number - 1].state_dict())
        transition = getattr(theirs, f"transition{number}")
        if number < 3:
            transition.conv.load_state_dict(network.transitions[number - 1][0].state_dict())
    seen: list[Tensor] = []
    network.attentions[4].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(image)
    x = image
    for name, module in theirs.named_children():
        if name == "transition3":
            x = module.relu(module.norm(x))
            break
        x = module(x)
    assert x.shape[2:] == (4, 2)
    torch.testing.assert_close(seen[0], x)


@pytest.mark.parametrize("position", range(5))
@torch.no_grad()
def test_every_gated_level_reaches_the_maps(position: int) -> None:
    network, image = make(), random(2, 1, 64, 32)
    before = network(image)
    network.attentions[position].pixel_gate.bias.sub_(3)
    assert not torch.equal(network(image), before)


def test_published_options_are_densenet_121s() -> None:
    network = AWGUNet(3, 1, init_features=64, growth_rate=32, decoder_features=(64, 128, 256, 512))
    theirs = DenseNet(2, 3, 1).features  # MONAI's default is DenseNet-121
    names = ("denseblock1", "denseblock2", "denseblock3")
    for name, block in zip(names, network.blocks, strict=True):
        expected = [weight.shape for weight in getattr(theirs, name).parameters()]
        assert [weight.shape for weight in block.parameters()] == expected
    assert [attention.weight.numel() for attention in network.attentions] == [3, 64, 256, 512, 1024]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layers": (6, 12, 24, 16)}, r"layers are of 4 blocks, \[6, 12, 24, 16\]: give those of three"),
        ({"decoder_features": (4, 8)}, r"decoder_features are 2 widths, \[4, 8\]: give four"),
        ({"norm": "layer"}, "norm 'layer' is unknown: choose batch or instance"),
    ],
)
def test_options_that_fit_no_network_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)
