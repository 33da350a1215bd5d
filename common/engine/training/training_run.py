"""Runs a trainer, and sees to it that every end of it says how to continue."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from monai.engines import Trainer

from ...devices import flushed_denormals, repeatable
from ...files import hold
from ...messages import add_hint
from ..checkpoints import EarlyStop, Resume
from .finite_loss import NotFiniteError
from .next_steps import ListsOfRun, best_line, tell_next_steps
from .weight_average import WeightAverage

__all__ = ["ending_signals", "run_training"]

_log = logging.getLogger(__name__)

# SIGTERM: `kill` and cluster schedulers. SIGUSR1: schedulers' warning that a job's time is nearly over.
_SIGNALS = ("SIGTERM", "SIGUSR1")


@contextmanager
def ending_signals() -> Iterator[None]:
    """Let a request to end raise KeyboardInterrupt, as Ctrl-C does; afterwards all is as before.

    The first one counts, Ctrl-C too: another must not break off what is being written because of the first.
    Only a second Ctrl-C may: somebody waits. A program that has its own answer to Ctrl-C keeps it. Processes
    that are forked meanwhile, such as a data loader's workers, ignore them: theirs is the end of the loader.

    Example:
        >>> import signal
        >>> try:
        ...     with ending_signals():
        ...         signal.raise_signal(signal.SIGTERM)
        ... except KeyboardInterrupt as error:
        ...     print(error)
        SIGTERM
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # threads cannot have signals
        return
    owner = os.getpid()
    ending = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ending
        if os.getpid() == owner and (not ending or number == signal.SIGINT):
            ending = True
            raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # A grid hears the same Ctrl-C and ends its training by SIGTERM: that is the second request.
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: it was not set from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _written(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def run_training(
    trainer: Trainer,
    resume: Resume,
    *,
    early_stop: EarlyStop | None = None,
    average: WeightAverage | None = None,
    lists: ListsOfRun | None = None,
    memory: Callable[[], None] | None = None,
) -> None:
    """Train until the end, or until an error or a request to end; then the exception says how to continue.

    A training that is resumed but has reached its end stays as it is, and the log says so. At the end the log
    says where the best weights are, and what can be typed next.

    Args:
        trainer: the trainer.
        resume: what it continues, if anything.
        early_stop: the early stopping, which may end it.
        average: the average of the weights. It is attached here, because others need it by reference, while
            MONAI wants the trainer's handlers written out.
        lists: the lists of the run, which tell whether there is something to test.
        memory: looks whether a step fits the memory, and raises ValueError where it cannot.

    Raises:
        InUseError: if another training writes to the folder.
    """
    if early_stop is not None:
        early_stop.set_trainer(trainer)
    if average is not None:
        average.attach(trainer)
    # Before anything is read, moved aside or noted in MLflow.
    with hold(resume.path.parent, job="a training", option="--ckpt_dir"):
        _run(trainer, resume, early_stop, average, memory)
        config = resume.config or {}
        if (line := best_line(resume.path, config)) is not None:
            _log.info("%s", line)
            tell_next_steps(resume.path.parent, config, lists)


def _run(
    trainer: Trainer,
    resume: Resume,
    early_stop: EarlyStop | None,
    average: WeightAverage | None,
    memory: Callable[[], None] | None,
) -> None:
    if resume.found and (why := resume.over(trainer.state.max_epochs, early_stop)):
        _log.info("%s is finished (%s): nothing was trained", resume.path, why)
        return
    if memory is not None:
        memory()
    earlier = None if resume.found else _written(resume.path)
    try:
        with ending_signals(), repeatable(), flushed_denormals():
            trainer.run()
    except BaseException as error:
        # A loss that is not finite would be so again: its sentence has its own mend.
        if not isinstance(error, NotFiniteError) and _written(resume.path) not in (None, earlier):
            kept = torch.load(resume.path, map_location="cpu", weights_only=True, mmap=True)["epoch"]
            epochs = f"{kept} of {trainer.state.max_epochs} epochs are kept in {resume.path}"
            add_hint(error, f"{epochs}: the same command with --resume continues")
        raise
    finally:
        if average is not None:
            average.put_back()
