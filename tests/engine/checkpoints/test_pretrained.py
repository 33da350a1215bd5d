"""Tests of fine-tuning: weights that fit, a frozen encoder."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from ignite.engine import Events

from common.engine.checkpoints import CheckpointFolder, Pretrained, Resume, load_fitting
from common.engine.training import FreezeEncoder
from common.networks import CascadedUNet, LoGSAGE, ResNet18UNet, VGG16UNet, imagenet_weights


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


def test_a_training_begins_with_them(workshop, tmp_path, at):
    begun = {name: torch.full_like(value, 7.0) for name, value in workshop.network.state_dict().items()}
    torch.save(begun, tmp_path / "w.pt")
    seen = []
    note = at(Events.ITERATION_STARTED(once=1), lambda e: seen.append(workshop.network.weight.item()))
    workshop.trainer(1, [Pretrained(workshop.network, path=tmp_path / "w.pt"), note]).run()
    assert seen == [7.0]
    assert workshop.network.weight.item() != 7.0  # from there on it learns


def test_their_licence_comes_along_and_goes_with_the_training(workshop, tmp_path):
    source, ours = tmp_path / "source", tmp_path / "ours"
    source.mkdir()
    torch.save(workshop.network.state_dict(), source / "w.pt")

    def train(path: Path | None) -> None:
        begin = Pretrained(workshop.network, path=path, folder=ours)
        workshop.trainer(1, [CheckpointFolder(ours, config={}), begin]).run()

    train(source / "w.pt")
    assert not (ours / "LICENSE").exists()
    (source / "LICENSE").write_text("SPDX-License-Identifier: CC-BY-NC-SA-4.0\n")
    train(source / "w.pt")
    assert (ours / "LICENSE").read_text() == "SPDX-License-Identifier: CC-BY-NC-SA-4.0\n"
    torch.save(workshop.network.state_dict(), ours / "model.pt")
    train(ours / "model.pt")  # which is moved aside meanwhile, and its licence with it
    assert (ours / "LICENSE").is_file() and len(list(ours.glob("*/LICENSE"))) == 1
    train(None)
    assert not (ours / "LICENSE").exists() and len(list(ours.glob("*/LICENSE"))) == 2


def test_nothing_that_fits_is_an_error(tmp_path):
    torch.save({"other": torch.zeros(2)}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="nothing in --pretrained .*w.pt fits the network"):
        load_fitting(Net(), tmp_path / "w.pt")


@torch.no_grad()
def test_a_cascade_begins_as_its_second_network_alone(tmp_path, caplog):
    caplog.set_level(logging.INFO)

    def network(channels: int, maps: int = 4) -> VGG16UNet:
        return VGG16UNet(channels, maps, blocks=2, width=8, decoder_features=(4,))

    alone, cascade = network(3).eval(), CascadedUNet(second=network(4)).eval()
    torch.save(alone.state_dict(), tmp_path / "alone.pt")
    first = {name: value.clone() for name, value in cascade.first.state_dict().items()}
    assert load_fitting(cascade, tmp_path / "alone.pt") == len(alone.state_dict())
    image = torch.rand(2, 3, 32, 48)
    torch.testing.assert_close(cascade(image), alone(image))
    assert all(torch.equal(value, first[name]) for name, value in cascade.first.state_dict().items())
    # Another head stays at its start, the rest fits; a cascade that sees the map alone has no use for it.
    other = CascadedUNet(second=network(4, maps=1))
    assert load_fitting(other, tmp_path / "alone.pt") == len(alone.state_dict()) - 2
    with pytest.raises(ValueError, match="nothing in --pretrained .*alone.pt fits the network"):
        load_fitting(CascadedUNet(second=network(1), see_image=False), tmp_path / "alone.pt")


def thin(kind: type[torch.nn.Module] = ResNet18UNet, *, channels: int = 1, seed: int = 0) -> torch.nn.Module:
    """A network whose encoder has another width than the official one, so that small files fit it."""
    torch.manual_seed(seed)
    return kind(channels, 1, width=4)


def official(folder: Path, kind: type[torch.nn.Module] = ResNet18UNet) -> Path:
    """Write a file like the official ones: the encoder's names, three channels, a classifier at the end."""
    encoder = thin(kind, channels=3, seed=7).encoder.state_dict()
    torch.save({**encoder, "fc.weight": torch.zeros(5, 3)}, folder / "official.pth")
    return folder / "official.pth"


@pytest.mark.parametrize("kind", [ResNet18UNet, VGG16UNet])
def test_an_official_file_goes_into_the_encoder_alone(kind, workshop, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    file = official(tmp_path, kind)
    network, expected, before = thin(kind), thin(kind), thin(kind).state_dict()
    expected.load_imagenet(file)
    Pretrained(network, path=str(file)).started(workshop.trainer())
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in expected.state_dict().items())
    weights = {name for name, value in before.items() if name.endswith("weight") and value.ndim > 1}
    moved = {name for name in weights if not torch.equal(before[name], after[name])}
    assert moved == {name for name in weights if name.startswith("encoder.")}
    count = sum(name.startswith("encoder.") for name in before)
    assert f"the encoder's {count} tensors from ImageNet ({file})" in caplog.text
    assert f"left at their start: {len(before) - count} (" in caplog.text


def test_the_word_loads_the_official_file(workshop, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    file = official(tmp_path)
    monkeypatch.setitem(imagenet_weights.OFFICIAL, "resnet18", file.as_uri())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    network, expected = thin(), thin()
    expected.load_imagenet(file)
    Pretrained(network, path="imagenet").started(workshop.trainer())
    assert all(torch.equal(v, expected.state_dict()[name]) for name, v in network.state_dict().items())
    assert "from ImageNet (the official file)" in caplog.text

    file.unlink()
    (tmp_path / "hub" / "checkpoints" / file.name).unlink()
    with pytest.raises(ConnectionError, match="give the file's path, or put it into"):
        Pretrained(network, path="imagenet").started(workshop.trainer())


def test_weights_of_this_network_are_no_official_file(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    source, target = thin(seed=3), thin()
    torch.save(source.state_dict(), tmp_path / "w.pt")
    assert load_fitting(target, tmp_path / "w.pt") == len(source.state_dict())
    assert all(torch.equal(v, target.state_dict()[name]) for name, v in source.state_dict().items())
    assert "ImageNet" not in caplog.text


def test_an_official_file_of_another_width_or_kind_is_told(tmp_path):
    file = official(tmp_path)
    with pytest.raises(ValueError, match=r"^--pretrained .*official.pth: .*only an encoder of the published"):
        load_fitting(ResNet18UNet(width=8), file)
    torch.save({"layer1.0.conv1.weight": torch.zeros(1)}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"^--pretrained .*part.pth: the weights lack 'conv1.weight'"):
        load_fitting(thin(), tmp_path / "part.pth")
    with pytest.raises(ValueError, match="nothing in --pretrained .*official.pth fits the network"):
        load_fitting(thin(VGG16UNet), file)


def test_a_network_that_takes_no_weights_of_imagenet_is_told(workshop, tmp_path):
    small = {"saliency_features": [2] * 6, "embed_dim": 6, "depths": [1] * 3, "num_heads": [1] * 3}
    network = LoGSAGE(1, 1, **small)
    with pytest.raises(ValueError, match="^--pretrained imagenet: LoGSAGE has no encoder .*: name a file"):
        Pretrained(network, path="imagenet").started(workshop.trainer())
    with pytest.raises(ValueError, match="nothing in --pretrained .* fits the network"):
        load_fitting(network, official(tmp_path))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("imagnet", "did you mean imagenet"),
        ("ImageNet", "did you mean imagenet"),
        ("w.pt", "an existing file"),
    ],
)
def test_what_is_no_file_and_not_the_word_is_told(typed, said, workshop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"no file of weights --pretrained {typed}: .*{said}"):
        Pretrained(Net(), path=typed).started(workshop.trainer())


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
    # Nor does it need what it began with: here a network that could not begin so.
    for source in ("imagenet", "gone.pt"):
        resume = Resume(tmp_path, enabled=True, config={})
        Pretrained(workshop.network, path=source, resume=resume).started(workshop.trainer())


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
