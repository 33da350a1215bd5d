"""The effective receptive field: of layers whose gradient is known, and what measuring leaves behind."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import Tensor, nn

from common.probes.receptive_field import (
    IMAGE,
    effective_receptive_field,
    encoder_layers,
    energy_radius,
    energy_within,
)

from ..networks.test_every_network import NETWORKS, make

# Their transformer sees patches of 16 x 16 pixels at once: there are no scales in between.
OF_PATCHES = {"CellViT", "ChannelNetCellViT"}


def random_images(count: int = 2, channels: int = 1, side: int = 16) -> Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


def convolutions(
    count: int, *, between: Callable[[], nn.Module] = nn.Identity, seed: int = 0
) -> nn.Sequential:
    """3 x 3 convolutions of one channel, with something after each."""
    torch.manual_seed(seed)
    layers = [nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), between()) for _ in range(count)]
    return nn.Sequential(*layers)


def down_and_up(seed: int = 0) -> nn.Sequential:
    """A strided network whose output at row r comes from row r // 2 in between."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(3, 1, 1), nn.Upsample(None, 2)
    )


def field_of(network: nn.Module, images: Tensor, position: tuple[int, int], **options: int) -> Tensor:
    return effective_receptive_field(network, images, position, **options)[IMAGE]


def test_one_convolution_has_its_kernel() -> None:
    network = convolutions(1)
    expected = torch.zeros(16, 16)
    expected[4:7, 9:12] = network[0][0].weight.detach()[0, 0].abs()
    torch.testing.assert_close(field_of(network, random_images(), (5, 10)), expected)


@pytest.mark.parametrize("count", [2, 4])
def test_convolutions_in_a_row_have_their_kernels_convolved_and_nothing_outside(count: int) -> None:
    network = convolutions(count)
    kernel = np.ones((1, 1))
    for layer in network:
        # The gradient goes through the last kernel first; a convolution does not mind the order.
        kernel = convolve2d(kernel, layer[0].weight.detach()[0, 0].numpy())
    assert kernel.shape == (2 * count + 1, 2 * count + 1)
    field = field_of(network, random_images(), (8, 7))
    window = (slice(8 - count, 9 + count), slice(7 - count, 8 + count))
    torch.testing.assert_close(field[window], torch.from_numpy(np.abs(kernel)).float())
    field[window] = 0
    assert not field.any()


def test_channels_of_an_image_are_added() -> None:
    network = nn.Conv2d(3, 2, 1)
    field = field_of(network, random_images(channels=3), (3, 3), channel=1)
    assert float(field[3, 3]) == pytest.approx(float(network.weight.detach()[1].abs().sum()), rel=1e-6)


def test_it_agrees_with_differences() -> None:
    network, images, step = convolutions(2, between=nn.Tanh), random_images(3), 1e-2
    field = field_of(network, images, (8, 8))
    for row, column in ((8, 8), (6, 7), (9, 10), (3, 3)):
        change = torch.zeros_like(images)
        change[..., row, column] = step
        with torch.no_grad():
            slope = (network(images + change) - network(images - change))[:, 0, 8, 8] / (2 * step)
        assert float(field[row, column]) == pytest.approx(float(slope.abs().mean()), abs=1e-5)


def test_under_a_stride_both_pixels_of_a_pair_see_the_same_window() -> None:
    network, images = down_and_up(), random_images()
    field = field_of(network, images, (8, 8))
    torch.testing.assert_close(field_of(network, images, (9, 9)), field)
    rows, columns = torch.nonzero(field, as_tuple=True)
    assert {(int(axis.min()), int(axis.max())) for axis in (rows, columns)} == {(7, 9)}


@pytest.mark.parametrize(
    ("make_network", "step"), [(lambda: convolutions(3, between=nn.Tanh), 1), (down_and_up, 2)]
)
def test_another_position_moves_the_field(make_network: Callable[[], nn.Module], step: int) -> None:
    network, images = make_network(), torch.full((1, 1, 24, 24), 0.3)
    field = field_of(network, images, (10, 10))
    moved = field_of(network, images, (10 + 2 * step, 10 - step))
    torch.testing.assert_close(moved, field.roll((2 * step, -step), dims=(0, 1)))


def test_it_is_the_mean_over_images_whatever_the_batches() -> None:
    network, images = convolutions(3, between=nn.ReLU, seed=1), random_images(5) - 0.5
    fields = [field_of(network, one[None], (8, 8)) for one in images]
    assert not torch.equal(fields[0], fields[1]), "else the mean would be no mean"
    for size in (1, 2, 5):
        torch.testing.assert_close(
            field_of(network, images, (8, 8), batch_size=size), torch.stack(fields).mean(dim=0)
        )


def test_the_network_is_afterwards_as_it_was_and_measured_in_evaluation_mode() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 1)
    )
    network.train()
    network[1].eval()  # a frozen batch norm
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    images = random_images()
    trained = field_of(network, images, (8, 8))
    with pytest.raises(ValueError, match="no row 16: choose 0 to 15"):
        field_of(network, images, (16, 0))
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert images.grad is None and not images.requires_grad
    assert not any(module._forward_hooks for module in network.modules())
    with torch.no_grad():  # as callers often are
        torch.testing.assert_close(field_of(network.eval(), images, (8, 8)), trained)
    assert not network.training


def test_autocast_changes_nothing() -> None:
    network, images = convolutions(3, between=nn.Tanh), random_images()
    field = field_of(network, images, (8, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(images).dtype == torch.bfloat16
        assert torch.equal(field_of(network, images, (8, 8)), field)
    assert field.dtype == field_of(network, images.bfloat16(), (8, 8)).dtype == torch.float32


def test_a_layer_before_the_head_is_seen_through_the_heads_weights() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1))
    fields = effective_receptive_field(network, random_images(), (3, 5), channel=1, layers=["1"])
    expected = torch.zeros(16, 16)
    expected[3, 5] = network[2].weight.detach()[1].abs().sum()
    torch.testing.assert_close(fields["1"], expected)
    assert set(fields) == {IMAGE, "1"}


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_has_a_layer_for_each_scale(name: str) -> None:
    network = make(name)
    divisor = network.divisor
    layers = encoder_layers(network, torch.zeros(1, 1, 2 * divisor, 3 * divisor))
    factors = list(layers.values())
    assert factors[-1] >= divisor / 2
    if name in OF_PATCHES:
        assert all(next_one > one for one, next_one in pairwise(factors))
    else:
        assert factors[0] <= 2  # some begin with a stride
        assert factors == [factors[0] * 2**i for i in range(len(factors))]
    side, maps = 2 * divisor, network.eval()(torch.zeros(1, 1, 2 * divisor, 2 * divisor)).shape[1]
    # A network with a decoder for each map may have layers that count for one of them alone.
    of_maps = [
        effective_receptive_field(
            network, random_images(1, side=side), (divisor, divisor), channel=channel, layers=list(layers)
        )
        for channel in {0, maps - 1}
    ]
    assert {name: field.shape for name, field in of_maps[0].items() if name != IMAGE} == {
        name: (side // factor, side // factor) for name, factor in layers.items()
    }
    assert all(any(fields[name].any() for fields in of_maps) for name in of_maps[0]), (
        "a layer that does not count was chosen"
    )


def test_layers_with_channels_last_and_parts_behind_the_deepest_scale_are_passed_over() -> None:
    class Swap(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.movedim(1, -1) if x.shape[-1] != 4 else x.movedim(-1, 1)

    network = nn.Sequential(
        nn.Conv2d(1, 4, 2, stride=2), Swap(), nn.Identity(), Swap(), nn.MaxPool2d(2), nn.Upsample(None, 4)
    )
    assert encoder_layers(network, torch.zeros(1, 1, 16, 24)) == {"3": 2, "4": 4}


@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.95])
def test_radius_of_discs_and_bells(fraction: float) -> None:
    rows, columns = np.mgrid[:101, :121]
    distance = torch.from_numpy(np.hypot(rows - 50, columns - 60))
    disc = (distance <= 40).float()
    for power in (1, 2):
        radius = energy_radius(disc, (50, 60), fraction, power=power)
        assert radius == pytest.approx(40 * math.sqrt(fraction), abs=0.5)
    bell = torch.exp(-(distance**2) / (2 * 10**2))
    expected = 10 * math.sqrt(-2 * math.log(1 - fraction))
    assert energy_radius(bell, (50, 60), fraction) == pytest.approx(expected, abs=0.5)
    assert energy_radius(bell, (50, 60), fraction, power=2) == pytest.approx(expected / math.sqrt(2), abs=0.5)


def test_shares_rise_to_one_whatever_the_fields_unit() -> None:
    field = random_images(1)[0, 0]
    distances, shares = energy_within(field, (2.5, 20))
    assert (distances.diff() >= 0).all() and (shares.diff() >= 0).all()
    assert float(shares[-1]) == pytest.approx(1) and len(shares) == 256
    torch.testing.assert_close(energy_within(1e-9 * field, (2.5, 20))[1], shares)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: energy_radius(torch.zeros(3, 3), (1, 1), 0.5),
            "add up to 0, so there is no receptive field",
        ),
        (lambda: energy_radius(torch.full((3, 3), math.nan), (1, 1), 0.5), "add up to nan"),
        (lambda: energy_radius(torch.ones(3, 3), (1, 1), 1), "fraction is 1: choose one above 0 and below 1"),
        (
            lambda: field_of(convolutions(1), random_images(), (0, 0), channel=1),
            "no output map 1: choose 0 to 0",
        ),
        (lambda: field_of(convolutions(1), random_images(), (0, -1)), "no column -1: choose 0 to 15"),
    ],
)
def test_what_cannot_be_measured_is_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
