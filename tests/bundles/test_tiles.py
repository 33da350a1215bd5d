"""Every bundle finds in tiles what it finds in the whole image, by its own inferer and network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn

from common.networks import TileInferer, tile_inferer

ROOT = Path(__file__).parents[2]
TILE_PX, LENGTH_PX = 1344, 2240  # a multiple of every step; tiles that give up what any network sees
# Instance norm averages over the tile: no overlap makes it that of the image.
GLOBAL = {"attention_unet"}


def network_of(bundle: str) -> tuple[nn.Module, dict, Tensor]:
    """Return a bundle's network with random weights, its inferer's settings, and a long image."""
    parser = ConfigParser()
    parser.read_config(str(ROOT / "bundles" / bundle / "configs" / "train.json"))
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def").eval()
    channels = parser["network_def"]["in_channels"]
    image = torch.rand(1, channels, 64, LENGTH_PX) + torch.linspace(0, 2, LENGTH_PX)
    return network, dict(parser["inferer"]), image


@torch.no_grad()
def test_tiles_and_whole_image_agree(bundle: str) -> None:
    network, inferer, image = network_of(bundle)
    assert inferer["tile_px"] == "auto"
    options = {name: value for name, value in inferer.items() if name not in ("_target_", "tile_px")}
    whole = network(image)
    tiles = TileInferer(TILE_PX, **options)(image, network)
    scale = whole.std()
    apart = (tiles - whole).abs() / scale
    if bundle in GLOBAL:
        assert apart.max() > 1e-4, "it sees all: does it have no instance norm any more?"
        assert apart.mean() < 0.2
    else:
        assert apart.max() < 1e-4


@pytest.mark.parametrize("bundle_with_windows", ["logsage", "swin_unetr"])
@torch.no_grad()
def test_windows_of_attention_must_begin_where_the_image_has_them(bundle_with_windows: str) -> None:
    network, inferer, image = network_of(bundle_with_windows)
    elsewhere = TileInferer(TILE_PX - 2 * inferer["divisor"], divisor=inferer["divisor"])(image, network)
    assert (elsewhere - network(image)).abs().max() > 1e-3


@torch.no_grad()
def test_an_image_that_fits_runs_whole(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, inferer, _ = network_of(bundle)
    monkeypatch.setattr(tile_inferer, "free_memory", lambda device: 10**12)
    sizes: list[tuple[int, ...]] = []
    made = TileInferer(**{name: value for name, value in inferer.items() if name != "_target_"})
    image = torch.zeros(1, 1, 800, 672)
    spans = made._spans(image, tile_inferer.Call(lambda tile: tile))
    sizes = [(span.start, span.stop) for axis in spans for span in axis]
    assert sizes == [(0, 800), (0, 672)]
