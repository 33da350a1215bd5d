"""HoVerNet: MONAI's weights fit it, and each skip is used."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import HoVerNet as MonaiHoVerNet

from common.networks import HoVerNet


def test_weights_of_monais_network_fit() -> None:
    published = MonaiHoVerNet(in_channels=3, np_out_channels=2, decoder_padding=True)
    network = HoVerNet(3, 4, width=256)
    assert not any(network.load_state_dict(published.state_dict()))


@torch.no_grad()
def test_maps_are_monais_but_for_the_skips_that_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    published = MonaiHoVerNet(in_channels=1, np_out_channels=2, decoder_padding=True).eval()
    network = HoVerNet(1, 4, width=256).eval()
    network.load_state_dict(published.state_dict())
    # MONAI enlarges between the centres of the corners, by which values move, and otherwise in each tile.
    monkeypatch.setattr("common.networks.hovernet.hovernet._twice", published.upsample)
    image = torch.rand(1, 1, 256, 256)
    theirs = torch.cat(list(published(image).values()), dim=1)
    ours = network(image)
    x, skips = network.conv0(image), []
    for block in network.res_blocks:
        x = block(x)
        skips.append(x)
    x = published.upsample(network.bottleneck(skips.pop()))
    skips[:2] = (torch.zeros_like(skip) for skip in skips[:2])
    branches = (network.nucleus_prediction, network.horizontal_vertical)
    without = torch.cat([branch(x, skips) for branch in branches], dim=1)
    torch.testing.assert_close(without, theirs, atol=1e-3, rtol=1e-3)
    assert (ours - theirs).abs().max() > 10 * (without - theirs).abs().max()


@pytest.mark.parametrize("width", [0, 32, 64, 100])
def test_a_width_that_does_not_fit_is_named(width: int) -> None:
    with pytest.raises(ValueError, match=f"width is {width}: choose a multiple of 32"):
        HoVerNet(width=width)


def test_one_map_alone_needs_one_decoder() -> None:
    assert HoVerNet(1, 1, width=96).horizontal_vertical is None
