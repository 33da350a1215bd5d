"""Channels after the first are gone, and a network that does not count equal channels sees one channel."""

from __future__ import annotations

import torch
from monai.data import MetaTensor

from common.networks import ChannelNetCellViT
from common.transforms import repeat_first_channel


def test_every_channel_is_the_first_and_the_image_stays() -> None:
    image = MetaTensor(torch.rand(3, 4, 5))
    before = image.clone()
    found = repeat_first_channel(image)
    assert found.shape == image.shape and all(torch.equal(channel, image[0]) for channel in found)
    found += 1
    assert torch.equal(image, before)


def test_channelnet_sees_one_channel() -> None:
    torch.manual_seed(0)
    small = {"embed_dim": 16, "num_heads": 2, "features": [4, 4, 8, 8], "channel_features": [4, 8]}
    network = ChannelNetCellViT(in_channels=None, out_channels=4, front="channelnet", **small).eval()
    image = torch.rand(3, 64, 64)
    with torch.no_grad():
        repeated, one = network(repeat_first_channel(image)[None]), network(image[None, :1])
    torch.testing.assert_close(repeated, one)
    with torch.no_grad():
        assert not torch.allclose(network(image[None]), one)
