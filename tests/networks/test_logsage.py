"""Laws of LoGSAGE alone: what its options switch off is gone, and what it sees it depends on."""

from typing import Any

import pytest
import torch
from torch import Tensor

from common.networks import LoGSAGE

TINY: dict[str, Any] = {
    "embed_dim": 12,
    "depths": (1, 1, 1),
    "num_heads": (1, 2, 4),
    "window_size": 4,
    "saliency_features": (4, 4, 8, 8, 8, 8),
}


def make(*channels: int, **options: Any) -> LoGSAGE:
    torch.manual_seed(0)
    return LoGSAGE(*channels, **{**TINY, **options}).eval()


def random_image(channels: int = 1, size: int = 64) -> Tensor:
    return torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigmas": [2, 4, 9]},
        {"see_image": False},
        {"sigmas": [], "see_image": True},
        {"use_saliency": False},
        {"use_saliency": False, "sigmas": [], "see_image": False},
        {"dropout": 0.2, "drop_path_rate": 0.2},
        {"depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 4), "saliency_features": (4, 4, 4, 8, 8, 8, 8)},
    ],
    ids=str,
)
@torch.no_grad()
def test_every_variant_gives_maps_of_the_images_size(options: dict[str, Any]) -> None:
    network = make(2, 3, **options)
    assert network.divisor == 2 ** (2 + len(network.fuse) - 1)
    size = network.divisor * 2
    maps = network(random_image(2, size))
    assert maps.shape == (1, 3, size, size) and maps.isfinite().all()


def test_without_saliency_its_weights_are_gone() -> None:
    names = {name.split(".")[0] for name, _ in make(use_saliency=False).named_parameters()}
    assert names == {"swin", "fuse", "up", "head"}
    assert {name.split(".")[0] for name, _ in make().named_parameters()} == names | {"stem", "down"}


def test_with_three_stages_swins_fourth_is_gone() -> None:
    assert not [name for name, _ in make().named_parameters() if name.startswith("swin.layers4")]


@torch.no_grad()
def test_with_the_log_alone_the_saliency_encoder_does_not_see_brightness() -> None:
    """The LoG of an image and of the same image made brighter are equal; the image itself is not."""
    image = random_image()
    for see_image in (False, True):
        network = make(see_image=see_image)
        before, after = network._saliency(image)[0], network._saliency(image + 1)[0]
        assert before is not None and after is not None
        assert torch.allclose(before, after, atol=1e-4) != see_image


@torch.no_grad()
def test_sigmas_change_what_is_seen() -> None:
    image = random_image()
    assert not torch.allclose(make(sigmas=[2])(image), make(sigmas=[9])(image))


@torch.no_grad()
def test_every_channel_matters() -> None:
    network, image = make(3), random_image(3)
    maps = network(image)
    for channel in range(3):
        other = image.clone()
        other[:, channel] = 1 - other[:, channel]
        assert not torch.allclose(network(other), maps), channel


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"saliency_features": (4, 4, 4)},
            "3 Swin stages need 6 saliency_features and 3 num_heads, got 3 and 3",
        ),
        ({"num_heads": (1, 2)}, "got 6 and 2"),
        ({"sigmas": [], "see_image": False}, "give sigmas, or see_image"),
        ({"sigmas": [-1]}, "sigma -1"),
        ({"depths": (1, 1), "num_heads": (1, 2), "saliency_features": (4,) * 5}, "3 or 4"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**options)
