"""ChannelNet and CellViT: channels in any order and number, windows that are images of their own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from common.networks import CellViT, ChannelNet, ChannelNetCellViT
from common.networks.cellvit import ChannelAdapter, ViTEncoder

SMALL = {
    **{"embed_dim": 16, "num_heads": 2, "skip_blocks": (1, 2, 3, 4)},
    **{"features": (4, 4, 8, 8), "window": 2},
}


def trained(network: nn.Module, channels: int = 3) -> nn.Module:
    """Give batch norm statistics of its own, as a training would."""
    with torch.no_grad():
        for seed in range(3):
            network.train()(image_of(channels, seed=seed))
    return network.eval()


def image_of(channels: int, *, batch: int = 2, size: int = 32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, channels, size, size, generator=generator)


def network_of(front: str = "channelnet", *, in_channels: int | None = None, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return ChannelNetCellViT(in_channels, 4, front=front, channel_features=(4, 8), **SMALL, **options)


FREE = {
    "ChannelNet": lambda: ChannelNet(features=(4, 8)),
    "without aggregation": lambda: ChannelNet(features=(4, 8), aggregate=False),
    "ChannelNetCellViT": network_of,
    "ChannelNetCellViT without aggregation": lambda: network_of(aggregate=False),
}
free = pytest.mark.parametrize("make", FREE.values(), ids=FREE)


@free
@pytest.mark.parametrize("channels", [1, 2, 3, 40])
@torch.no_grad()
def test_order_number_and_empty_channels_change_nothing_exactly(make, channels: int) -> None:
    torch.manual_seed(0)
    network = trained(make(), channels=2)
    image = image_of(channels, seed=5)
    maps = network(image)
    assert maps.isfinite().all()
    shuffled = torch.randperm(channels, generator=torch.Generator().manual_seed(1))
    assert torch.equal(network(image[:, shuffled]), maps)
    assert torch.equal(network(torch.cat([image, image[:, :1], image], dim=1)), maps)
    empty = torch.stack([torch.zeros(2, 32, 32), torch.full((2, 32, 32), 3.5)], dim=1)
    assert torch.equal(network(torch.cat([empty, image], dim=1)), maps)


@free
@torch.no_grad()
def test_every_channel_counts(make) -> None:
    network = trained(make())
    image = image_of(3)
    for number in range(3):
        other = image.clone()
        other[:, number] = image_of(1, seed=9)[:, 0]
        assert not torch.equal(network(other), network(image))


@free
def test_training_too_is_blind_to_order_and_emptiness(make) -> None:
    """Up to the order in which sums are rounded."""
    torch.manual_seed(0)
    network, image = make().train(), image_of(3)
    other = torch.cat([image[:, [2, 0, 1]], torch.ones(2, 1, 32, 32)], dim=1)
    found = [copy.deepcopy(network)(each) for each in (image, other)]
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(copy.deepcopy(network)(image[:, :1]), found[0], atol=1e-2)


@free
def test_images_without_anything_are_trained_on_and_segmented(make) -> None:
    torch.manual_seed(0)
    network = make().train()
    image = image_of(2)
    image[0] = 0.25  # one of the batch, then all
    assert network(image).isfinite().all()
    flat = torch.full((2, 2, 32, 32), 0.5)
    maps = network(flat)
    maps.sum().backward()
    assert maps.isfinite().all()
    network.eval()
    assert torch.equal(network(flat), network(torch.zeros(2, 3, 32, 32)))


@torch.no_grad()
def test_trained_and_training_networks_pool_alike() -> None:
    """Batch norm aside, all channels at once is one after another."""
    torch.manual_seed(0)
    network = trained(ChannelNet(features=(4, 8)))
    image = image_of(5)
    used = torch.ones(2, 5, dtype=torch.bool)
    used[1, 2:] = False
    image[1, 2:] = 0
    for one, other in zip(network._at_once(image, used), network._one_by_one(image, used), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_an_adapter_knows_places_and_its_number_of_channels() -> None:
    for front in ("adapter", "adapter_channelnet"):
        network = trained(network_of(front, in_channels=3))
        image = image_of(3)
        assert not torch.allclose(network.front(image[:, [1, 2, 0]]), network.front(image), atol=1e-3)
        with pytest.raises(ValueError, match="has 2 channels, but the adapter was made for 3"):
            network(image[:, :2])
    with pytest.raises(ValueError, match="'adapter' needs the number of channels"):
        network_of("adapter")
    with pytest.raises(ValueError, match="front is 'channel_net': choose one of channelnet, adapter"):
        network_of("channel_net")


@torch.no_grad()
def test_repeating_is_no_op_for_channelnet_alone() -> None:
    network = trained(network_of())
    image = image_of(2)
    maps = network(image)
    network.repeat_to = 32
    assert torch.equal(network(image), maps)
    published = trained(network_of("adapter_channelnet", repeat_to=32), channels=2)
    assert published(image).isfinite().all()
    assert isinstance(published.front[0], ChannelAdapter) and published.front[0].channels == 32
    repeated = image.repeat(1, 16, 1, 1)
    assert not torch.allclose(published.front(repeated.flip(1)), published.front(repeated), atol=1e-3)
    with pytest.raises(ValueError, match="has 40 channels, more than the 32"):
        published(image_of(40))


def test_memory_does_not_grow_with_the_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen = trained(ChannelNet(features=(4, 8))), []
    network.blocks[0].register_forward_hook(lambda _block, given, _found: seen.append(given[0].shape[0]))
    network(image_of(7, batch=1))
    assert seen == [1] * 7


@torch.no_grad()
@pytest.mark.parametrize("make", [FREE["ChannelNet"], FREE["without aggregation"]])
@pytest.mark.parametrize("empty", [[], [1], [0, 2], [0, 1, 2]])
def test_a_file_leaves_the_same_channels_out(make, empty: list[int]) -> None:
    """It holds no loop over the channels that an image has: it was made with another image."""
    network = trained(make())
    program = torch.export.export(network, (image_of(3),)).module()
    image = image_of(3, seed=5)
    image[0, empty] = 0.25
    torch.testing.assert_close(program(image), network(image), rtol=0, atol=1e-6)


def test_a_window_is_an_image_of_its_own() -> None:
    torch.manual_seed(0)
    encoder = ViTEncoder(1, embed_dim=8, num_heads=2, returned=(1, 3), window=2).eval()
    image = image_of(1, batch=1, size=96)  # 3 x 3 windows of 32 px
    whole = encoder(image)
    part = encoder(image[..., 32:64, 64:96])
    assert [level.shape for level in whole] == [(1, 8, 6, 6)] * 2
    for level, of_part in zip(whole, part, strict=True):
        torch.testing.assert_close(level[..., 2:4, 4:6], of_part, atol=1e-5, rtol=1e-4)
    everything = ViTEncoder(1, embed_dim=8, num_heads=2, returned=(1, 3), window=2, windowed=False).eval()
    everything.load_state_dict(encoder.state_dict())
    assert not torch.allclose(everything(image)[1], whole[1], atol=1e-2)
    torch.testing.assert_close(everything(image[..., :32, :32])[1], encoder(image[..., :32, :32])[1])


@torch.no_grad()
def test_windows_that_reach_beyond_the_image_see_its_edge_again() -> None:
    torch.manual_seed(0)
    encoder = ViTEncoder(1, embed_dim=8, num_heads=2, returned=(2,), window=2).eval()
    image = image_of(1, batch=1, size=48)
    longer = torch.nn.functional.pad(image, (0, 16, 0, 0))
    longer[..., 48:] = image[..., 32:48]  # the last patch once more
    torch.testing.assert_close(encoder(longer)[0][..., :3], encoder(image)[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_each_branch_has_its_own_decoder() -> None:
    torch.manual_seed(0)
    network = CellViT(1, 4, **SMALL).eval()
    image = image_of(1)
    before = network(image)
    nn.init.zeros_(network.vectors.head.weight)
    after = network(image)
    assert torch.equal(after[:, :2], before[:, :2]) and not torch.equal(after[:, 2:], before[:, 2:])
    assert CellViT(1, 4, vector_channels=0, **SMALL).vectors is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"skip_blocks": (1, 2, 3)}, "skip_blocks are 3 numbers"),
        ({"skip_blocks": (1, 3, 2, 4)}, "must ascend"),
        ({"features": (4, 8)}, "features are 2 numbers"),
        ({"vector_channels": -1}, "vector_channels is -1"),
        ({"window": 0}, "window is 0"),
    ],
)
def test_options_that_fit_no_network_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CellViT(1, 1, **{**SMALL, **options})


def test_an_image_without_a_channel_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="the image has no channel: choose at least one"):
        ChannelNet()(torch.zeros(1, 0, 16, 16))
