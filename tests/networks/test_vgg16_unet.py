"""Laws of VGG16UNet: its encoder has the official names, and is what they say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from common.networks import VGG16UNet
from common.networks.imagenet_weights import MEAN, STD

TINY: dict[str, Any] = {"width": 4, "decoder_features": (4, 8, 8)}
# Where the official files have their convolutions, by block.
PLAIN = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
WITH_NORM = ((0, 3), (7, 10), (14, 17, 20), (24, 27, 30), (34, 37, 40))


def make(*channels: int, **options: Any) -> VGG16UNet:
    torch.manual_seed(0)
    return VGG16UNet(*channels, **{**TINY, **options}).eval()


def image_of(channels: int, size: int = 64) -> Tensor:
    return torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0))


def official(*, batch_norm: bool, width: int = 4) -> dict[str, Tensor]:
    """A state dict with the names of the official files and random values, the classifier's too."""
    generator = torch.Generator().manual_seed(1)
    weights, seen = {"classifier.6.bias": torch.zeros(1000)}, 3
    for block, factor in zip(WITH_NORM if batch_norm else PLAIN, (1, 2, 4, 8, 8), strict=True):
        for number in block:
            features = width * factor
            name = f"features.{number}"
            weights[f"{name}.weight"] = 0.2 * torch.randn(features, seen, 3, 3, generator=generator)
            weights[f"{name}.bias"] = torch.randn(features, generator=generator)
            if batch_norm:
                for part in ("weight", "bias", "running_mean", "running_var"):
                    value = 0.5 + torch.rand(features, generator=generator)
                    weights[f"features.{number + 1}.{part}"] = value
            seen = features
    return weights


def by_hand(weights: dict[str, Tensor], image: Tensor, blocks: int, *, batch_norm: bool) -> list[Tensor]:
    """The features of each block, from the state dict alone."""
    features, x = [], image
    for block in (WITH_NORM if batch_norm else PLAIN)[:blocks]:
        x = functional.max_pool2d(x, 2) if features else x
        for n in block:
            x = functional.conv2d(
                x, weights[f"features.{n}.weight"], weights[f"features.{n}.bias"], padding=1
            )
            if batch_norm:
                part = {
                    k: weights[f"features.{n + 1}.{k}"]
                    for k in ("running_mean", "running_var", "weight", "bias")
                }
                x = functional.batch_norm(x, **part)
            x = x.relu()
        features.append(x)
    return features


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("blocks", [4, 5])
@torch.no_grad()
def test_the_encoder_is_what_the_official_names_say(blocks: int, batch_norm: bool) -> None:
    decoder = (4, 8, 8, 8)[: blocks - 1]
    network = make(3, blocks=blocks, batch_norm=batch_norm, decoder_features=decoder)
    weights, own = official(batch_norm=batch_norm), network.encoder.state_dict()
    missing = network.encoder.load_state_dict({n: v for n, v in weights.items() if n in own}, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys)
    image = image_of(3)
    for one, other in zip(
        network.encoder(image), by_hand(weights, image, blocks, batch_norm=batch_norm), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("channels", [1, 3, 4])
@torch.no_grad()
def test_imagenet_weights_answer_as_on_the_normalised_image(
    channels: int, batch_norm: bool, tmp_path: Path
) -> None:
    """Also on images of other numbers of channels: they are grey here, all their channels equal."""
    weights = official(batch_norm=batch_norm)
    torch.save(weights, tmp_path / "vgg16.pth")
    network = make(channels, batch_norm=batch_norm)
    network.load_imagenet(tmp_path / "vgg16.pth")
    grey = image_of(1)
    colour = (grey.expand(-1, 3, -1, -1) - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(
        3, 1, 1
    )
    features = network.encoder(grey.expand(-1, channels, -1, -1))[0]
    expected = by_hand(weights, colour, 1, batch_norm=batch_norm)[0]
    # At the border zeros were padded before and after normalising: look at the inside alone.
    torch.testing.assert_close(features[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-4, rtol=1e-3)


def test_the_other_kind_of_weights_is_refused(tmp_path: Path) -> None:
    torch.save(official(batch_norm=False), tmp_path / "vgg16.pth")
    with pytest.raises(ValueError, match="the weights lack 'features.1.weight'"):
        make(1).load_imagenet(tmp_path / "vgg16.pth")
    torch.save(official(batch_norm=True, width=6), tmp_path / "wide.pth")
    with pytest.raises(ValueError, match="only an encoder of the published width"):
        make(1).load_imagenet(tmp_path / "wide.pth")


@pytest.mark.parametrize("blocks", [2, 3, 4, 5])
@torch.no_grad()
def test_blocks_set_the_divisor(blocks: int) -> None:
    network = make(1, 2, blocks=blocks, decoder_features=(4, 8, 8, 8)[: blocks - 1])
    assert network.divisor == 2 ** (blocks - 1)
    assert network.encoder(image_of(1))[-1].shape[-1] == 64 // network.divisor
    assert network(image_of(1)).shape == (2, 2, 64, 64)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"blocks": 6}, "blocks must be 1 to 5, not 6"),
        ({"blocks": 5}, r"decoder_features \[4, 8, 8\] needs 4 widths"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**options)
