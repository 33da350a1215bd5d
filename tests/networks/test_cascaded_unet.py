"""Laws of the cascade beyond those of every network: the first part is frozen and seen only by its map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from common.networks import CascadedUNet

IMAGE = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


class Sum(nn.Module):
    """A second network whose answer is what it sees, summed over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.encoder = nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(image.shape[1])
        return image.sum(dim=1, keepdim=True)


@pytest.fixture
def first() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5))


@torch.no_grad()
def test_the_second_network_sees_image_and_probability(first: nn.Module) -> None:
    network = CascadedUNet(3, 1, first=first, second=Sum())
    own = torch.sigmoid(first(IMAGE)[:, :1])
    torch.testing.assert_close(network(IMAGE), IMAGE.sum(dim=1, keepdim=True) + own)
    assert network.second.seen == [4]


@torch.no_grad()
def test_a_given_map_takes_the_place_of_its_own(first: nn.Module) -> None:
    network = CascadedUNet(3, 1, first=first, second=Sum())
    given = torch.rand(2, 1, 32, 48)
    torch.testing.assert_close(network(IMAGE, first_map=given), IMAGE.sum(dim=1, keepdim=True) + given)


@torch.no_grad()
def test_the_papers_second_network_sees_the_map_alone(first: nn.Module) -> None:
    network = CascadedUNet(3, 1, first=first, second=Sum(), see_image=False)
    torch.testing.assert_close(network(IMAGE), torch.sigmoid(first(IMAGE)[:, :1]))
    assert network.second.seen == [1]


def test_training_leaves_the_first_network_as_it_is() -> None:
    network = CascadedUNet().train()
    assert network.second.training and not any(module.training for module in network.first.modules())
    before = {name: value.clone() for name, value in network.first.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    for _ in range(2):
        network(IMAGE).square().mean().backward()
        optimizer.step()
    after = network.first.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_gradients_of_the_image_go_through_both(first: nn.Module) -> None:
    image = IMAGE.clone().requires_grad_()
    CascadedUNet(3, 1, first=first, second=Sum(), see_image=False)(image).sum().backward()
    assert image.grad is not None and image.grad.any()
