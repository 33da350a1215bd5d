"""Laws of tiled inference: a network that looks at single pixels gives the same maps whole and in tiles."""

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn

from common.networks import TileInferer


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
    maps = TileInferer(64, divisor=16)(image, network)
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
    torch.testing.assert_close(TileInferer(64, divisor=32)(image, network), peer(image, network))


@torch.no_grad()
def test_tiles_at_once_make_no_difference() -> None:
    torch.manual_seed(0)
    network, image = nn.Conv2d(1, 2, 9, padding=4), random_image(1, 1, 150, 90)
    one, many = (TileInferer(64, divisor=32, tiles_per_batch=n)(image, network) for n in (1, 7))
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
