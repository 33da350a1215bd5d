"""What every network promises: discovered by name, so that a new one is held to it at once.

A network is a public module of `common.networks` that is made with `in_channels` and `out_channels`. For a
large one add its small options to SMALL; a module without those arguments is a fixed layer and belongs in
FIXED.
"""

import copy
import inspect
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import common.networks


class MeanOfPatches:
    """A frozen model that stands in for SAM: five numbers for every 16 x 16 pixels."""

    in_channels, features, digest = None, 5, b"means"

    def __call__(self, image: Tensor, *, keep: bool = False) -> Tensor:
        means = nn.functional.avg_pool2d(image.detach().mean(dim=1, keepdim=True), 16)
        return torch.cat([means.sin(), means.cos(), 1 - means, means > 0.5, torch.ones_like(means)], dim=1)


CELLVIT: dict[str, Any] = {
    **{"embed_dim": 16, "num_heads": 2, "skip_blocks": (1, 2, 3, 4)},
    **{"features": (4, 4, 8, 8), "window": 2},
}
SMALL: dict[str, dict[str, Any]] = {
    "AWGUNet": {
        "init_features": 8,
        "growth_rate": 4,
        "layers": (1, 1, 1),
        "decoder_features": (4, 4, 8, 8),
    },
    "CellViT": CELLVIT,
    "ChannelNet": {"features": (4, 8)},
    "ChannelNetCellViT": {"channel_features": (4, 8), **CELLVIT},
    "CIANet": {"init_features": 8, "growth_rate": 4, "layers": (1, 1, 1, 1), "width": 8},
    "DDUNet": {"features": (4, 4, 8, 8, 8)},
    "FusedUNet3Plus": {
        "foundation": MeanOfPatches(),
        "window": 2,
        "features": (4, 4, 8, 8, 8),
        "branch_features": 4,
    },
    "LoGSAGE": {
        "embed_dim": 12,
        "depths": (1, 1, 1),
        "num_heads": (1, 2, 4),
        "window_size": 4,
        "saliency_features": (4, 4, 8, 8, 8, 8),
    },
    "ResNet18UNet": {"width": 8, "detail_features": 4, "decoder_features": (4, 8, 8, 8)},
    "UNet3Plus": {"features": (4, 4, 8, 8, 8), "branch_features": 4, "activation": "glu"},
    "UNetPlusPlus": {"features": (4, 4, 8, 8, 8, 4)},
    "VGG16UNet": {"width": 4, "decoder_features": (4, 8, 8)},
}
FIXED: dict[str, dict[str, Any]] = {"LoGFilter": {"sigmas": [2]}}
MAX_PARAMETERS = 12e6

MODULES = {
    name: value
    for name, value in vars(common.networks).items()
    if name in common.networks.__all__ and isinstance(value, type) and issubclass(value, nn.Module)
}
NETWORKS = {
    name: module
    for name, module in MODULES.items()
    if {"in_channels", "out_channels"} <= set(inspect.signature(module).parameters)
}
each_network = pytest.mark.parametrize("name", sorted(NETWORKS))


def make(name: str, in_channels: int = 1, out_channels: int = 4, *, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return NETWORKS[name](in_channels=in_channels, out_channels=out_channels, **SMALL.get(name, {}))


def random_image(network: nn.Module, *, batch: int = 2, channels: int = 1) -> Tensor:
    """An image of which every stage still has several tokens, else attention has nothing to learn."""
    generator = torch.Generator().manual_seed(1)
    height, width = 2 * network.divisor, 3 * network.divisor
    return torch.rand(batch, channels, height, width, generator=generator)


def test_every_module_is_a_network_or_a_fixed_layer() -> None:
    assert NETWORKS
    assert set(MODULES) - set(NETWORKS) == set(FIXED), "name in_channels and out_channels, or put it in FIXED"
    assert set(SMALL) <= set(NETWORKS)


@pytest.mark.parametrize("name", sorted(FIXED))
def test_fixed_layers_train_nothing(name: str) -> None:
    assert not list(MODULES[name](**FIXED[name]).parameters())


@each_network
@pytest.mark.parametrize(("in_channels", "out_channels"), [(1, 1), (3, 4), (5, 2)])
@torch.no_grad()
def test_maps_are_finite_and_have_the_images_size(name: str, in_channels: int, out_channels: int) -> None:
    network = make(name, in_channels, out_channels).eval()
    image = random_image(network, channels=in_channels)
    before = image.clone()
    maps = network(image)
    assert isinstance(maps, Tensor), "a network returns one tensor"
    assert maps.shape == (2, out_channels, *image.shape[2:]) and maps.dtype == torch.float32
    assert maps.isfinite().all()
    assert torch.equal(image, before), "the image was changed"


@each_network
@torch.no_grad()
def test_flat_and_bright_images_give_finite_maps(name: str) -> None:
    network = make(name).eval()
    for value in (0.0, 1.0, 1000.0):
        assert network(torch.full_like(random_image(network), value)).isfinite().all()


@each_network
@torch.no_grad()
def test_a_batch_is_its_images_one_by_one(name: str) -> None:
    network = make(name).eval()
    image = random_image(network, batch=3)
    singles = torch.cat([network(one[None]) for one in image])
    torch.testing.assert_close(network(image), singles, atol=1e-5, rtol=1e-4)


@each_network
def test_gradients_reach_every_parameter_and_the_image(name: str) -> None:
    network = make(name).train()
    image = random_image(network, batch=3).requires_grad_()
    maps = network(image)
    weights = torch.rand(maps.shape, generator=torch.Generator().manual_seed(2))
    (maps * weights).sum().backward()
    parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
    assert parameters
    unreached = [n for n, p in parameters.items() if p.grad is None or not p.grad.any()]
    assert not unreached, f"these are never trained: {unreached}"
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters.values())
    assert image.grad is not None and image.grad.any()


@each_network
def test_no_batch_norm_goes_back_over_another_memory_layout(name: str) -> None:
    """Networks train channels-last; a gradient that lies channels-first makes this step ten times as long."""
    network = make(name, 3).train().to(memory_format=torch.channels_last)
    channels_first: list[str] = []

    def look(module_name: str, maps: Tensor) -> None:
        def at_gradient(gradient: Tensor) -> None:
            if not gradient.is_contiguous(memory_format=torch.channels_last):
                channels_first.append(module_name)

        if maps.requires_grad:
            maps.register_hook(at_gradient)

    for module_name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _module, _inputs, maps, of=module_name: look(of, maps))
    image = random_image(network, channels=3).to(memory_format=torch.channels_last)
    network(image).square().mean().backward()
    assert not channels_first


@each_network
def test_a_step_down_the_gradient_lowers_the_loss(name: str) -> None:
    network = make(name, out_channels=1).train()
    image = random_image(network)
    target = (image > 0.5).float()
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    before = nn.functional.binary_cross_entropy_with_logits(network(image), target)
    gradients = torch.autograd.grad(before, parameters)
    with torch.no_grad():
        # So short that the loss is nearly linear: it shall fall by 1 %.
        step = 0.01 * before / sum(gradient.square().sum() for gradient in gradients)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= step * gradient
        after = nn.functional.binary_cross_entropy_with_logits(network(image), target)
    assert float(after) / float(before.detach()) == pytest.approx(0.99, abs=0.005)


@each_network
@torch.no_grad()
def test_the_state_dict_is_the_whole_network(name: str) -> None:
    first, second = make(name, seed=0), make(name, seed=1)
    image = random_image(first)
    first.train()(image)  # running means of batch norm are state too
    first.eval(), second.eval()
    assert not torch.equal(first(image), second(image))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert torch.equal(first(image), second(image))


@each_network
@torch.no_grad()
def test_a_seed_gives_its_weights_and_maps(name: str) -> None:
    first, second = make(name, seed=3).eval(), make(name, seed=3).eval()
    for (label, one), other in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other), label
    image = random_image(first)
    assert torch.equal(first(image), second(image))
    assert torch.equal(first(image), first(image)), "inference draws random numbers"


@each_network
@torch.no_grad()
def test_sizes_that_do_not_fit_are_named_with_the_mend(name: str) -> None:
    network = make(name).eval()
    divisor = network.divisor
    for height, width, side, fits in (
        (divisor + divisor // 2, divisor, "height", 2 * divisor),
        (2 * divisor, divisor - 1, "width", divisor),
    ):
        bad = {"height": height, "width": width}[side]
        words = f"{side} {bad} is not a multiple of {divisor}: pad to {fits}"
        with pytest.raises(ValueError, match=re.escape(words)):
            network(torch.zeros(1, 1, height, width))


@each_network
def test_the_default_is_small_enough_for_a_laptop(name: str) -> None:
    count = sum(weight.numel() for weight in NETWORKS[name]().parameters() if weight.requires_grad)
    assert count < MAX_PARAMETERS
