"""Tests of the files that a training keeps."""

from __future__ import annotations

import json
import os
import stat

import pytest
import torch
from ignite.engine import Events

from common.engine.checkpoints import BestCheckpoint, CheckpointFolder, LastCheckpoint, Resume, set_aside
from common.engine.order import Moment, call_at


def _same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_the_best_is_a_plain_state_dict_of_the_best_epoch(workshop, tmp_path, at):
    states = []
    evaluator = workshop.evaluator([BestCheckpoint(tmp_path, workshop.network)])

    def note(engine):
        states.append({key: value.clone() for key, value in workshop.network.state_dict().items()})

    evaluator.add_event_handler(Events.EPOCH_COMPLETED, note)

    def spoil(engine):
        torch.nn.init.constant_(workshop.network.bias, -100.0)

    workshop.trainer(4, [at(Events.EPOCH_STARTED(once=4), spoil)], evaluator).run()
    assert evaluator.state.best_metric_epoch == 3
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert _same(saved, states[evaluator.state.best_metric_epoch - 1])
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]


def test_what_is_worse_than_the_best_of_a_resumed_training_replaces_nothing(workshop, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"the best so far")
    for best, replaced in ((2.0, False), (-1.0, True)):  # no score is above 1, none below 0
        keeper = BestCheckpoint(tmp_path, workshop.network)
        evaluator = workshop.evaluator([keeper])
        # As in a resumed training: of its own validations the first is not taken for the best.
        evaluator.state.best_metric, evaluator.state.best_metric_epoch = best, 1
        keeper.continue_from(best)
        evaluator.run(2)
        assert ((tmp_path / "model.pt").read_bytes() != b"the best so far") == replaced


def test_the_last_has_network_optimizer_and_epoch(workshop, tmp_path):
    workshop.trainer(2, [LastCheckpoint(tmp_path, workshop.network, workshop.optimizer)]).run()
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    assert _same(saved["network"], workshop.network.state_dict())
    assert saved["epoch"] == 2
    assert saved["optimizer"]["param_groups"][0]["lr"] == 0.5


def test_the_scale_of_mixed_precision_goes_on(workshop, tmp_path, at):
    def scaled(scale):
        return lambda engine: setattr(engine, "scaler", torch.amp.GradScaler("cpu", init_scale=scale))

    found = []
    for epochs, scale, enabled in ((1, 8.0, False), (2, 1024.0, True)):
        resume = Resume(tmp_path, enabled=enabled, config={})
        last = LastCheckpoint(tmp_path, workshop.network, workshop.optimizer, resume=resume)
        # MONAI makes a scaler when a run starts, before any handler.
        handlers = [last, at(Events.EPOCH_COMPLETED, lambda e: found.append(e.scaler.get_scale()))]
        trainer = workshop.trainer(epochs, handlers)
        call_at(Moment.LOAD, trainer, Events.STARTED, scaled(scale))
        trainer.run()
    assert found == [8.0, 8.0]


def test_a_failed_write_leaves_the_earlier_checkpoint(workshop, tmp_path, monkeypatch):
    handler = LastCheckpoint(tmp_path, workshop.network)
    workshop.trainer(1, [handler]).run()
    before = (tmp_path / "last.pt").read_bytes()

    def half(checkpoint, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space"):
        workshop.trainer(1, [handler]).run()
    assert (tmp_path / "last.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="only there folders can be opened")
def test_the_last_survives_a_power_cut(workshop, tmp_path, monkeypatch):
    """What it holds is on the disk before it takes the old one's place, its name when the write is over."""
    done, fsync, replace = [], os.fsync, os.replace

    def note_sync(number):
        done.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        fsync(number)

    def note_replace(source, target):
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    workshop.trainer(1, [LastCheckpoint(tmp_path, workshop.network)]).run()
    assert done == ["file", "replace", "folder"]


def test_an_earlier_training_is_kept_whole(workshop, tmp_path):
    def train(epochs: int) -> None:
        evaluator = workshop.evaluator([BestCheckpoint(tmp_path, workshop.network)])
        folder = CheckpointFolder(tmp_path, config={"epochs": epochs})
        last = LastCheckpoint(tmp_path, workshop.network)
        workshop.trainer(epochs, [folder, last], evaluator).run()

    train(1)
    earlier = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    train(2)
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(folders) == 1
    assert {file.name: file.read_bytes() for file in folders[0].iterdir()} == earlier
    assert json.loads((tmp_path / "train.json").read_text()) == {"epochs": 2}
    assert torch.load(tmp_path / "last.pt", weights_only=True)["epoch"] == 2


def test_setting_aside_twice_within_a_second_loses_nothing(tmp_path):
    for content in ("one", "two"):
        (tmp_path / "model.pt").write_text(content)
        set_aside(tmp_path)
    assert sorted(file.read_text() for file in tmp_path.glob("*/model.pt")) == ["one", "two"]
    assert set_aside(tmp_path) is None


@pytest.mark.parametrize("moves", [1, 2, 3])
def test_a_start_that_was_killed_while_it_set_aside_is_finished_by_the_next(tmp_path, monkeypatch, moves):
    files = {"model.pt": "best", "train.json": "settings"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    torch.save({"epoch": 1, "settings": "{}"}, tmp_path / "last.pt")
    plain, left = os.replace, [moves]

    def replace(source, target):
        if not left[0]:
            raise KeyboardInterrupt  # stands for a kill, after which nothing runs
        left[0] -= 1
        plain(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(type(tmp_path), "rename", replace)
    with pytest.raises(KeyboardInterrupt):
        set_aside(tmp_path)
    monkeypatch.undo()
    assert not Resume(tmp_path, enabled=True, config={}).found, "half a training would be continued"
    folder = set_aside(tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    assert {file.name for file in folder.iterdir()} == {*files, "last.pt"}


def test_what_a_killed_writer_left_is_cleared(workshop, tmp_path):
    for name in (".0.part.pt", ".1.part.json"):
        (tmp_path / name).write_text("half")
    workshop.trainer(1, [CheckpointFolder(tmp_path, config={})]).run()
    assert [file.name for file in tmp_path.iterdir()] == ["train.json"]


def test_a_training_that_continues_leaves_the_files(workshop, tmp_path):
    torch.save({"epoch": 1, "settings": "{}"}, tmp_path / "last.pt")
    earlier = (tmp_path / "last.pt").read_bytes()
    (tmp_path / ".0.part.pt").write_text("half, of a training that was killed")
    resume = Resume(tmp_path, enabled=True, config={})
    workshop.trainer(1, [CheckpointFolder(tmp_path, resume=resume)]).run()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"last.pt": earlier}
