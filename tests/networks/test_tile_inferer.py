"""Laws of tiled inference: a network that looks at single pixels gives the same maps whole and in tiles."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn

from common.networks import TileInferer, tile_inferer
from common.networks.known_networks import Call


class Recorder(nn.Module):
    """A 1x1 convolution that remembers the sizes it was given."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(channels, 3, 1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor, scale: float = 1.0) -> Tensor:
        self.seen.append(tuple(image.shape))
        return self.layer(image) * scale


def random_image(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (32, 64),  # fits as it is
        (33, 47),  # odd
        (1, 1),  # smaller than the divisor: too small to mirror
        (5, 70),
        (64, 65),  # just larger than a tile in one direction
        (131, 40),  # tiles in one direction
        (131, 257),  # tiles in both
    ],
)
@torch.no_grad()
def test_equals_the_network_on_the_whole_image(height: int, width: int) -> None:
    network, image = Recorder(2), random_image(2, 2, height, width)
    expected = network(image)
    network.seen.clear()
    maps = TileInferer(64, divisor=16)(image, lambda tile: network(tile))  # a function is not examined
    assert maps.shape == (2, 3, height, width) and maps.dtype == torch.float32
    torch.testing.assert_close(maps, expected)
    for _, _, tile_height, tile_width in network.seen:
        assert tile_height % 16 == 0 and tile_width % 16 == 0
        assert max(tile_height, tile_width) <= 64
        assert tile_height <= height + 15 and tile_width <= width + 15, "padded further than to the divisor"


@torch.no_grad()
def test_small_images_run_once_and_whole() -> None:
    network = Recorder()
    TileInferer(512, divisor=32)(random_image(3, 1, 250, 100), network)
    assert network.seen == [(3, 1, 256, 128)]


@torch.no_grad()
def test_padding_mirrors_the_image() -> None:
    seen = []

    def network(image: Tensor) -> Tensor:
        seen.append(image)
        return image

    image = random_image(1, 1, 20, 30)
    torch.testing.assert_close(TileInferer(64, divisor=16)(image, network), image)
    (padded,) = seen
    torch.testing.assert_close(padded[..., 20:, :30], image[..., 7:19, :].flip(2))
    torch.testing.assert_close(padded[..., :20, 30:], image[..., 27:29].flip(3)[..., :2])


@torch.no_grad()
def test_tiles_are_joined_as_monai_joins_them() -> None:
    """For a network with a neighbourhood: the same weights of overlapping tiles as SlidingWindowInferer's."""
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 9, padding=4)
    image = random_image(1, 1, 160, 96)
    peer = SlidingWindowInferer((64, 64), 4, overlap=0.25, mode="gaussian")
    ours = TileInferer(64, divisor=32, overlap=0.25)
    torch.testing.assert_close(ours(image, network), peer(image, network))


@torch.no_grad()
def test_tiles_at_once_make_no_difference() -> None:
    torch.manual_seed(0)
    network, image = nn.Conv2d(1, 2, 9, padding=4), random_image(1, 1, 150, 90)
    one, many = (TileInferer(64, divisor=32, overlap=0.25, tiles_per_batch=n)(image, network) for n in (1, 7))
    torch.testing.assert_close(one, many)


@pytest.mark.parametrize("size", [48, 150])
@torch.no_grad()
def test_further_arguments_reach_the_network_whole_or_in_tiles(size: int) -> None:
    network, image = Recorder(), random_image(1, 1, size, size)
    inferer = TileInferer(64, divisor=16)
    torch.testing.assert_close(inferer(image, network, scale=3.0), 3 * inferer(image, network))
    torch.testing.assert_close(inferer(image, network, 3.0), 3 * inferer(image, network))


@pytest.mark.parametrize("size", [48, 150])
@torch.no_grad()
def test_low_precision_comes_back_as_float32(size: int) -> None:
    def network(image: Tensor) -> Tensor:
        return (image * 2).bfloat16()

    image = random_image(1, 1, size, size)
    maps = TileInferer(64, divisor=16)(MetaTensor(image), network)
    assert maps.dtype == torch.float32
    torch.testing.assert_close(torch.as_tensor(maps), 2 * image, atol=0.02, rtol=0, check_dtype=False)


def test_a_tile_that_does_not_fit_the_divisor_is_refused() -> None:
    with pytest.raises(ValueError, match="tile_px 500 is not a multiple of 32: try 480"):
        TileInferer(500, divisor=32)


def test_zero_padding_makes_whole_tiles_and_black_edges() -> None:
    seen: list[Tensor] = []

    def network(tiles: Tensor) -> Tensor:
        seen.append(tiles.clone())  # MONAI weighs what is returned in place
        return tiles

    image = torch.ones(1, 1, 40, 70)
    inferer = TileInferer(32, divisor=16, overlap=0.0, tiles_per_batch=1, padding="zero")
    torch.testing.assert_close(inferer(image, network), image)
    assert len(seen) == 2 * 3, "tiles overlap"
    assert float(sum(tiles.sum() for tiles in seen)) == image.numel(), "padding is not 0"
    assert inferer(torch.ones(1, 1, 10, 20), network).shape == (1, 1, 10, 20)
    assert seen[-1].shape == (1, 1, 16, 32), "an image within a tile was padded to a whole one"


def test_an_unknown_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="'black': choose mirror or zero"):
        TileInferer(32, padding="black")


def tilted(side: int, height: int = 64, channels: int = 1) -> Tensor:
    """An image whose two halves differ, so that what is beyond a cut matters."""
    image = random_image(1, channels, height, side)
    return image + torch.linspace(0, 2, side)


@torch.no_grad()
def test_tiles_give_the_maps_of_the_whole_image() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 9, padding=4), nn.Tanh(), nn.Conv2d(4, 2, 9, padding=4))
    image = tilted(300, 200)
    whole, tiles = network(image), TileInferer(64, divisor=4)(image, network)
    torch.testing.assert_close(tiles, whole)
    blended = TileInferer(64, divisor=4, overlap=0.25)(image, network)
    assert (blended - whole).abs().max() > 1e-3, "the margin makes no difference"


@torch.no_grad()
def test_the_network_is_examined_once_and_not_in_training_mode() -> None:
    network = nn.Sequential(Recorder(), nn.BatchNorm2d(3)).train()
    recorder, inferer = network[0], TileInferer(64, divisor=16)
    inferer(random_image(1, 1, 64, 150), network)
    probes = len(recorder.seen)
    assert torch.isfinite(network[1].running_mean).all()
    inferer(random_image(1, 1, 64, 150), network)
    assert len(recorder.seen) - probes < probes


@pytest.mark.parametrize("free", [10**12, None, 5_000_000])
@torch.no_grad()
def test_tiles_are_as_large_as_the_memory_allows(free: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_inferer, "free_memory", lambda device: free)
    network, image = Recorder(), random_image(1, 1, 1040, 1100)
    maps = TileInferer(divisor=16)(image, network)
    torch.testing.assert_close(maps, network.layer(image))
    largest = max(height * width for _, _, height, width in network.seen)
    if free == 10**12:
        assert network.seen[-1] == (1, 1, 1040, 1104), "it fits: no tiles"
    else:
        assert len(network.seen) > 4
        assert largest <= (1024**2 if free is None else 512**2)


@torch.no_grad()
def test_the_memory_bounds_the_tiles_of_any_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Recorder()
    for height, width in ((3000, 300), (300, 3000), (1500, 1500)):
        for budget in (6e5, 8e5):
            monkeypatch.setattr(TileInferer, "_free_area", lambda *_, budget=budget: int(budget))
            spans = TileInferer(divisor=16)._spans(torch.zeros(1, 1, height, width), Call(network))
            sides = [max(stop - start for start, stop, *_ in axis) for axis in spans]
            assert 0.25 * budget < sides[0] * sides[1] <= budget


def test_batches_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_inferer, "free_memory", lambda device: 10**9)
    one, four = (
        TileInferer()._free_area(torch.zeros(count, 1, 64, 64), Call(Recorder())) for count in (1, 4)
    )
    assert one == pytest.approx(4 * four, rel=0.01)


@torch.no_grad()
def test_maps_keep_what_is_known_of_the_image() -> None:
    for size in (48, 150):
        image = MetaTensor(random_image(1, 1, size, size), meta={"filename_or_obj": "a.tif"})
        maps = TileInferer(64, divisor=16)(image, Recorder())
        assert isinstance(maps, MetaTensor) and maps.meta["filename_or_obj"] == "a.tif"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile_px": "large"}, "tile_px is 'large': give a number of pixels, or \"auto\""),
        ({"tile_px": 0}, "tile_px is 0: give"),
        ({"step_px": 100}, "step_px 100 is not a multiple of 32: try 96"),
        ({"overlap": 0.25}, 'overlap is 0.25 of tile_px "auto": give tile_px a number'),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TileInferer(**options)


BOUNDED = """
import resource, sys, torch
from common.devices import tune_cpu
from common.networks import ResNet18UNet, TileInferer, tile_inferer
tune_cpu()
free = float(sys.argv[1])
tile_inferer.free_memory = lambda device: free
network = ResNet18UNet(1, 4, width=8, detail_features=4, decoder_features=(4, 8, 8, 8)).eval()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
with torch.no_grad():
    network(torch.rand(1, 1, 64, 64))
    image, before = torch.rand(1, 1, 2048, 2048), peak()
    TileInferer(divisor=16)(image, network)
print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is in kilobytes on Linux alone")
def test_a_process_stays_within_the_memory_that_was_free() -> None:
    taken = [
        float(
            subprocess.run(
                [sys.executable, "-c", BOUNDED, free],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parents[2],
            ).stdout
        )
        for free in ("400e6", "1e12")
    ]
    maps = 4 * 4 * 2048**2
    assert maps < taken[0] < maps + (400e6 - maps) / 2
    assert taken[1] > 400e6, "the whole image would have fitted"
