"""Tests of the comparison of a network with the one that was trained."""

from __future__ import annotations

import json

import pytest

from common.engine.trained.network import check_trained_network

NET = {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 2}


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps({"network_def": NET, "decoder": {"a": 1}, "epochs": 3}))
    return tmp_path / "model.pt"


@pytest.mark.parametrize("network", [NET, {**NET, "bias": True}, dict(reversed(NET.items()))])
def test_the_same_network_passes_however_it_is_written(weights, network):
    check_trained_network(weights, {"network_def": network, "epochs": 4})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bias": False}, "network_def::bias true, which is now false"),
        ({"out_features": 4}, "network_def::out_features 2, which is now 4"),
        ({"_target_": "torch.nn.Bilinear"}, 'network_def::_target_ "torch.nn.Linear"'),
    ],
)
def test_another_network_is_refused_with_the_options_that_help(weights, change, words):
    with pytest.raises(ValueError, match=words) as caught:
        check_trained_network(weights, {"network_def": {**NET, **change}, "decoder": {"a": 2}})
    settings = weights.with_name("train.json").as_posix()
    assert f"--network_def %{settings}::network_def --decoder %{settings}::decoder" in str(caught.value)


def test_nothing_to_compare_is_no_fault(tmp_path, weights):
    check_trained_network(tmp_path / "elsewhere" / "model.pt", {"network_def": NET})
    check_trained_network(weights, None)
    check_trained_network(weights, {"epochs": 1})
