"""Tests of the optimizer's groups of parameters, the encoder's and the rest."""

from __future__ import annotations

import pytest
import torch

from common.networks import LoGSAGE, parameter_groups


def _network() -> LoGSAGE:
    return LoGSAGE(saliency_features=[2, 2, 2, 2, 4, 4], embed_dim=6, depths=[1, 1, 1], num_heads=[1, 1, 1])


@pytest.mark.parametrize("factor", [1, 0.1])
def test_each_parameter_is_in_one_group(factor):
    network = _network()
    groups = parameter_groups(network, learning_rate=0.2, encoder_factor=factor)
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(map(id, network.parameters()))
    assert [group["lr"] for group in groups] == ([0.2] if factor == 1 else pytest.approx([0.2, 0.02]))


def test_the_encoder_has_its_own_rate():
    network = _network()
    _, encoder = parameter_groups(network, learning_rate=0.2, encoder_factor=0.1)
    inside = {id(parameter) for parameter in encoder["params"]}
    assert {id(p) for p in network.swin.parameters()} <= inside
    assert not {id(p) for p in (*network.head.parameters(), *network.up.parameters())} & inside


def test_a_network_that_does_not_say_is_refused():
    network = torch.nn.Conv2d(1, 1, 1)
    assert len(parameter_groups(network, learning_rate=0.1)) == 1
    with pytest.raises(ValueError, match="Conv2d does not say which part is its encoder"):
        parameter_groups(network, learning_rate=0.1, encoder_factor=0.5)


@pytest.mark.parametrize("factor", [0, -1])
def test_a_rate_that_is_not_positive_is_refused(factor):
    with pytest.raises(ValueError, match="--encoder_learning_rate_factor"):
        parameter_groups(_network(), learning_rate=0.1, encoder_factor=factor)
