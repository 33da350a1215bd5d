"""Every bundle finds in tiles what it finds in the whole image, by its own inferer and network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn

from common.networks import TileInferer, tile_inferer
from common.networks.known_networks import Call

ROOT = Path(__file__).parents[2]
TILE_PX, LENGTH_PX = 1344, 2240  # a multiple of every step; tiles that give up what any network sees
# Instance norm, and gates of channels, average over the tile: no overlap makes it that of the image.
GLOBAL = {"attention_unet", "awgunet"}


def network_of(bundle: str) -> tuple[nn.Module, dict[str, Any], Tensor]:
    """Return a bundle's network with random weights, its inferer's settings, and a long image."""
    parser = ConfigParser()
    parser.read_config(str(ROOT / "bundles" / bundle / "configs" / "train.json"))
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def").eval()
    for name, weight in network.named_parameters():
        # Fresh weights hardly let through what the deepest layers see, and attention is nearly an average.
        if weight.ndim == 4:
            nn.init.kaiming_normal_(weight)
        elif weight.ndim == 2:
            nn.init.normal_(weight, std=1.0 if "bias" in name else weight.shape[1] ** -0.5)
    channels = parser["network_def"]["in_channels"] or 3
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
        assert apart.max() > 1e-4, "it sees all: does nothing in it average over the image any more?"
    else:
        assert apart.max() < 1e-4


@pytest.mark.parametrize("windowed", ["logsage", "swin_unetr"])
@torch.no_grad()
def test_windows_of_attention_move_with_the_image_by_a_step_alone(windowed: str) -> None:
    network, inferer, image = network_of(windowed)
    whole, step, far = network(image), inferer["step_px"], 400

    def apart(shift: int) -> float:
        length = (LENGTH_PX - shift) // inferer["divisor"] * inferer["divisor"]
        moved = network(image[..., shift : shift + length])[..., far:-far]
        return float((moved - whole[..., shift + far : shift + length - far]).abs().max() / whole.std())

    assert apart(step) < 1e-4
    assert apart(inferer["divisor"]) > 1e-3


@torch.no_grad()
def test_an_image_that_fits_runs_whole(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inferer = network_of(bundle)[1]
    monkeypatch.setattr(tile_inferer, "free_memory", lambda device: 10**12)
    made = TileInferer(**{name: value for name, value in inferer.items() if name != "_target_"})
    spans = made._spans(torch.zeros(1, 1, 800, 672), Call(lambda tile: tile))
    assert [(span.start, span.stop) for axis in spans for span in axis] == [(0, 800), (0, 672)]
