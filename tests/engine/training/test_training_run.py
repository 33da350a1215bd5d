"""Tests of how a training ends: by a signal, an error, a loss that is no number."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from ignite.engine import Events

from common.engine.checkpoints import EarlyStop, LastCheckpoint, Resume
from common.engine.training import FiniteLoss, WeightAverage, run_training
from common.engine.training.training_run import ending_signals
from common.messages import hint_of


def _train(workshop, tmp_path, at, call, event=Events.ITERATION_COMPLETED, epochs=4, **options):
    resume = Resume(tmp_path, config={}, **options)
    last = LastCheckpoint(tmp_path, workshop.network, workshop.optimizer, resume=resume)
    trainer = workshop.trainer(epochs, [last, at(event, call)])
    run_training(trainer, resume)
    return trainer


@pytest.fixture
def ctrl_c():
    """Have the answer to Ctrl-C that a command in a terminal has."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_a_signal_ends_like_ctrl_c_and_all_is_as_before(workshop, tmp_path, at, name, ctrl_c):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("this system has no such signal")
    before = signal.getsignal(number)

    def end(engine):
        if engine.state.epoch == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt) as caught:
        _train(workshop, tmp_path, at, end)
    assert hint_of(caught.value) == (
        f"2 of 4 epochs are kept in {tmp_path / 'last.pt'}: the same command with --resume continues"
    )
    assert torch.load(tmp_path / "last.pt", weights_only=True)["epoch"] == 2
    assert signal.getsignal(number) is before


def test_an_error_before_the_first_epoch_promises_nothing(workshop, tmp_path, at):
    (tmp_path / "last.pt").write_text("of another training")

    def fail(engine):
        raise OSError("no space left")

    with pytest.raises(OSError) as caught:
        _train(workshop, tmp_path, at, fail)
    assert hint_of(caught.value) is None


# Ctrl-C reaches a grid and the training that it started; then the grid sends the training SIGTERM too.
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_is_not_broken_off_by_another(workshop, tmp_path, at, first, ctrl_c):
    closed = []

    def close(engine, error):
        os.kill(os.getpid(), signal.SIGTERM)
        closed.append(True)
        raise error

    resume = Resume(tmp_path, config={})
    trainer = workshop.trainer(1, [at(Events.ITERATION_STARTED, lambda e: os.kill(os.getpid(), first))])
    trainer.add_event_handler(Events.EXCEPTION_RAISED, close)
    with pytest.raises(KeyboardInterrupt):
        run_training(trainer, resume)
    assert closed


def test_a_second_ctrl_c_breaks_off_what_takes_too_long(ctrl_c):
    closed = []
    with pytest.raises(KeyboardInterrupt), ending_signals():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            closed.append(True)
    assert not closed and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_keeps_its_own_answer_to_ctrl_c(ctrl_c):
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(True))
    with ending_signals():
        signal.raise_signal(signal.SIGINT)
    assert heard


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_before_it_spoils_the_weights(workshop, tmp_path, bad):
    resume = Resume(tmp_path, config={})
    last = LastCheckpoint(tmp_path, workshop.network, resume=resume)
    trainer = workshop.trainer(3, [last, FiniteLoss(tmp_path)])
    plain = workshop.loss.forward
    trainer.loss_function = lambda maps, targets: (
        plain(maps, targets) * (bad if trainer.state.iteration == 5 else 1.0)
    )
    with pytest.raises(ValueError, match="in epoch 2, iteration 5: the batch .images/cells_1.png.") as caught:
        run_training(trainer, resume)
    assert hint_of(caught.value) is None  # it would happen again
    assert all(torch.isfinite(parameter).all() for parameter in workshop.network.parameters())
    batch = torch.load(tmp_path / "bad_batch.pt", weights_only=True)
    assert batch["files"] == ["images/cells_1.png"] and (batch["epoch"], batch["iteration"]) == (2, 5)
    assert batch["image"].shape == batch["label"].shape == (1, 1, 24, 24)


def test_a_training_that_early_stopping_ended_is_over(tmp_path):
    torch.save({"epoch": 5, "settings": "{}", "early_stop": {"counter": 3}}, tmp_path / "last.pt")
    resume = Resume(tmp_path, enabled=True, config={})
    assert resume.found and "3 validations without improvement" in (resume.over(60, EarlyStop(3)) or "")
    assert resume.over(60, EarlyStop(4)) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"last\.pt cannot be resumed"):
        _ = Resume(tmp_path, enabled=True, config={}).found


def test_other_images_are_refused(tmp_path):
    torch.save({"epoch": 1, "settings": "{}", "fingerprint": "aa"}, tmp_path / "last.pt")
    with pytest.raises(ValueError, match="the images are not those it was trained on"):
        _ = Resume(tmp_path, enabled=True, config={}, fingerprint="bb").found


def test_every_step_is_averaged(workshop, tmp_path):
    average = WeightAverage(workshop.network, workshop.optimizer, decay=0.9)
    trainer = workshop.trainer(2)
    run_training(trainer, Resume(tmp_path, config={}), average=average)
    assert average.steps == trainer.state.iteration > 0
