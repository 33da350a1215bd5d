"""Tests of fine-tuning: weights that fit, a frozen encoder."""

from __future__ import annotations

import logging

import pytest
import torch
from ignite.engine import Events

from common.handlers import FreezeEncoder, Pretrained, Resume, load_fitting


class Net(torch.nn.Module):
    ENCODER = ("down",)

    def __init__(self, maps: int = 1) -> None:
        super().__init__()
        self.down = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 1), torch.nn.BatchNorm2d(3))
        self.head = torch.nn.Conv2d(3, maps, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.down(image))


def test_what_fits_is_loaded_and_the_rest_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    source, target = Net(4), Net(1)
    torch.save({"network": {**source.state_dict(), "more": torch.zeros(1)}, "epoch": 3}, tmp_path / "w.pt")
    head = target.head.weight.clone()
    assert load_fitting(target, tmp_path / "w.pt") == 7
    assert torch.equal(target.down[0].weight, source.down[0].weight)
    assert torch.equal(target.head.weight, head)
    assert "7 of 9 tensors" in caplog.text and "2 (head.weight, head.bias)" in caplog.text
    assert "3 (head.weight, head.bias, more)" in caplog.text


def test_nothing_that_fits_is_an_error(tmp_path):
    torch.save({"other": torch.zeros(2)}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="nothing in --pretrained .*w.pt fits the network"):
        load_fitting(Net(), tmp_path / "w.pt")


def test_a_resumed_training_does_not_begin_again(workshop, tmp_path):
    torch.save(
        {name: torch.full_like(v, 7.0) for name, v in workshop.network.state_dict().items()}, tmp_path / "w"
    )
    torch.save({"epoch": 1, "settings": "{}"}, tmp_path / "last.pt")
    before = workshop.network.weight.detach().clone()
    for enabled in (True, False):
        resume = Resume(tmp_path, enabled=enabled, config={})
        Pretrained(workshop.network, path=tmp_path / "w", resume=resume).started(workshop.trainer())
        assert torch.equal(workshop.network.weight, before) is enabled


def test_the_encoder_rests_for_the_first_epochs_alone(workshop, at):
    network = workshop.network = Net()
    workshop.optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    states = [{key: value.clone() for key, value in network.state_dict().items()}]

    def note(engine):
        states.append({key: value.clone() for key, value in network.state_dict().items()})

    workshop.trainer(3, [FreezeEncoder(network, epochs=2), at(Events.EPOCH_COMPLETED, note)]).run()
    start, _, second, third = states
    for name in start:
        assert torch.equal(start[name], second[name]) is name.startswith("down"), name
        assert not torch.equal(second[name], third[name]), name
    assert network.down[1].training


def test_a_network_without_a_known_encoder_is_refused_when_it_matters(workshop):
    FreezeEncoder(workshop.network, epochs=0)
    with pytest.raises(ValueError, match="Conv2d does not say which part is its encoder"):
        FreezeEncoder(workshop.network, epochs=1)
