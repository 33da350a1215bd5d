"""Tests of finding and loading weights."""

from __future__ import annotations

import logging

import pytest
import torch

from common.engine.trained import LoadWeights, find_weights, load_weights


def test_the_order_of_preference(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    named, own, bundle = tmp_path / "named.pt", tmp_path / "own", tmp_path / "bundle"
    (bundle / "models").mkdir(parents=True)
    own.mkdir()
    with pytest.raises(FileNotFoundError, match="train first, or name a file with --weights"):
        find_weights(None, own, bundle)
    for file in (bundle / "models" / "model.pt", own / "last.pt", own / "model.pt", named):
        file.touch()
        assert find_weights(named if file == named else None, own, bundle) == file
        assert str(file) in caplog.messages[-1]


def test_a_named_file_that_is_not_there_is_no_reason_to_take_another(tmp_path):
    (tmp_path / "model.pt").touch()
    with pytest.raises(FileNotFoundError, match=r"missing\.pt"):
        find_weights("missing.pt", tmp_path)


@pytest.mark.parametrize("wrap", [None, "network", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_plain_and_wrapped_weights_arrive(tmp_path, wrap, prefix):
    source, target = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    state = {prefix + key: value for key, value in source.state_dict().items()}
    torch.save({wrap: state, "epoch": 3} if wrap else state, tmp_path / "w.pt")
    load_weights(target, tmp_path / "w.pt")
    assert torch.equal(source.weight, target.weight) and torch.equal(source.bias, target.bias)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"weight": torch.zeros(2, 3)}, "'bias' missing"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "a": torch.zeros(1)}, "'a' unexpected"),
        ({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, r"shape \(2, 4\) where \(2, 3\)"),
        ({"epoch": 3}, "holds no weights"),
        ([1, 2], "holds no weights"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path, content, words):
    network = torch.nn.Linear(3, 2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=words):
        load_weights(network, tmp_path / "w.pt")
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.pt cannot be read"):
        load_weights(torch.nn.Linear(1, 1), tmp_path / "w.pt")


def test_the_handler_loads_before_the_first_image(workshop, tmp_path):
    torch.save({"weight": torch.full((1, 1, 1, 1), 7.0), "bias": torch.zeros(1)}, tmp_path / "model.pt")
    evaluator = workshop.evaluator([LoadWeights(workshop.network, ckpt_dir=tmp_path)])
    evaluator.run()
    assert float(workshop.network.weight.detach()) == 7
    assert evaluator.state.weights_file == str(tmp_path / "model.pt")
