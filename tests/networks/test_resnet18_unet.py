"""Laws of ResNet18UNet: its encoder is the official ResNet-18, and skips carry single pixels."""

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks.nets import ResNet
from torch import Tensor

from common.networks import ResNet18UNet
from common.networks.imagenet_weights import MEAN, STD

TINY: dict[str, Any] = {"width": 8, "detail_features": 4, "decoder_features": (4, 8, 8, 8)}


def stock(in_channels: int = 3, width: int = 8) -> ResNet:
    """MONAI's whole ResNet-18, made the official one: no bias in the shortcuts."""
    torch.manual_seed(1)
    network = ResNet(
        "basic",
        [2, 2, 2, 2],
        [width * 2**i for i in range(4)],
        spatial_dims=2,
        n_input_channels=in_channels,
        conv1_t_stride=2,
        bias_downsample=False,
        num_classes=5,
    )
    for name, value in network.state_dict().items():
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn(value.shape))
        elif name.endswith("running_var"):
            value.copy_(0.5 + torch.rand(value.shape))
    return network.eval()


def scales(network: ResNet, image: Tensor) -> list[Tensor]:
    """The stock network's features at /2, /4, /8 and /16."""
    features = [network.act(network.bn1(network.conv1(image)))]
    x = network.maxpool(features[0])
    for stage in (network.layer1, network.layer2, network.layer3):
        x = stage(x)
        features.append(x)
    return features


def make(*channels: int, **options: Any) -> ResNet18UNet:
    torch.manual_seed(0)
    return ResNet18UNet(*channels, **{**TINY, **options}).eval()


def image_of(channels: int, size: int = 96) -> Tensor:
    return torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_encoder_is_a_stock_resnet_with_its_weights() -> None:
    reference, network, image = stock(), make(3), image_of(3)
    own = network.encoder.state_dict()
    network.encoder.load_state_dict({n: v for n, v in reference.state_dict().items() if n in own})
    for one, other in zip(network.encoder(image), scales(reference, image), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
@torch.no_grad()
def test_imagenet_weights_answer_as_on_the_normalised_image(channels: int, tmp_path: Path) -> None:
    """Also on images of other numbers of channels: they are grey here, all their channels equal."""
    reference, network = stock(), make(channels)
    torch.save(reference.state_dict(), tmp_path / "resnet18.pth")
    network.load_imagenet(tmp_path / "resnet18.pth")
    grey = image_of(1)
    colour = (grey.expand(-1, 3, -1, -1) - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(
        3, 1, 1
    )
    features, expected = network.encoder(grey.expand(-1, channels, -1, -1)), scales(reference, colour)
    # At the border zeros were padded before and after normalising: look at the inside alone.
    torch.testing.assert_close(
        features[0][..., 3:-3, 3:-3], expected[0][..., 3:-3, 3:-3], atol=1e-4, rtol=1e-3
    )
    assert not torch.allclose(features[0], make(channels).encoder(grey.expand(-1, channels, -1, -1))[0])


def test_imagenet_weights_leave_the_decoder_alone(tmp_path: Path) -> None:
    torch.save(stock().state_dict(), tmp_path / "resnet18.pth")
    before, after = make(1), make(1)
    after.load_imagenet(tmp_path / "resnet18.pth")
    same = {n for n, v in before.state_dict().items() if torch.equal(v, after.state_dict()[n])}
    encoder = {n for n in before.state_dict() if n.startswith("encoder.")}
    assert set(before.state_dict()) - encoder <= same
    assert not {n for n in encoder & same if n.endswith("conv1.weight")}


def test_a_narrower_encoder_is_told_why_it_takes_no_weights(tmp_path: Path) -> None:
    torch.save(stock(width=12).state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(ValueError, match="only an encoder of the published width"):
        make(1).load_imagenet(tmp_path / "resnet18.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="the weights lack 'conv1.weight'"):
        make(1).load_imagenet(tmp_path / "other.pth")


def test_weights_of_a_deeper_resnet_are_refused(tmp_path: Path) -> None:
    """Its names hold all those of a ResNet-18."""
    torch.save({"layer1.2.conv1.weight": torch.zeros(1)}, tmp_path / "resnet34.pth")
    with pytest.raises(ValueError, match="resnet34.pth is of a deeper ResNet"):
        make(1).load_imagenet(tmp_path / "resnet34.pth")


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@torch.no_grad()
def test_stages_set_the_divisor(stages: int) -> None:
    network = make(1, 2, stages=stages, decoder_features=(4, 8, 8, 8, 8)[: stages + 1])
    assert network.divisor == 2 ** (stages + 1)
    coarsest = network.encoder(image_of(1))[-1]
    assert coarsest.shape == (2, 8 * 2 ** (stages - 1), 96 // network.divisor, 96 // network.divisor)
    assert network(image_of(1)).shape == (2, 2, 96, 96)


@torch.no_grad()
def test_without_detail_nothing_looks_at_full_resolution() -> None:
    network = make(detail_features=0)
    assert network.detail is None and network(image_of(1)).shape == (2, 1, 96, 96)
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {"encoder", "decoder"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stages": 5}, "stages must be 1 to 4, not 5"),
        ({"stages": 2}, r"decoder_features \[4, 8, 8, 8\] needs 3 widths"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**options)
