"""A command in a process of its own: its last sentence, its end with the grid, one that was left running."""

from __future__ import annotations

import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from common.experiments import CommandError, DiskFullError, run_command
from common.experiments.command import wait_until_free
from common.files import hold


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `task` that is found from here."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "task.py"


def fails(program: Path, code: str) -> CommandError:
    program.write_text(code, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        run_command(["task"], log=program.with_name("log.txt"))
    return caught.value


def test_the_sentence_is_the_commands_own(program: Path) -> None:
    error = fails(program, "print('epoch 1\\nerror: no such image: give another\\n'); raise SystemExit(1)")
    assert str(error).startswith("no such image: give another (the log is ")
    assert not isinstance(error, DiskFullError)


def test_a_killed_command_says_so(program: Path) -> None:
    error = fails(program, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert str(error).startswith("it was ended by signal 9 (")


def test_no_space_is_seen_by_its_words_or_by_the_disk(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "print('error: No space left on device: a.pt'); raise SystemExit(1)"
    assert isinstance(fails(program, told), DiskFullError)
    # torch.save says only that it could not write.
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 100, 0))
    assert isinstance(fails(program, "raise RuntimeError('file write failed')"), DiskFullError)


def test_an_interrupted_grid_leaves_no_command_running(program: Path) -> None:
    code = "import time, pathlib; print('begun', flush=True); time.sleep(60); pathlib.Path('late').touch()"
    program.write_text(code, encoding="utf-8")
    begun = time.monotonic()

    def interrupt(line: str) -> None:
        if line == "begun":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command(["task"], log=program.with_name("log.txt"), heard=interrupt)
    assert time.monotonic() - begun < 30


def test_what_was_left_running_is_waited_for(tmp_path: Path) -> None:
    held, said, free = threading.Event(), [], []

    def job() -> None:
        with hold(tmp_path, job="a training", option="--ckpt_dir"):
            held.set()
            time.sleep(2)
            free.append(True)

    thread = threading.Thread(target=job)
    thread.start()
    held.wait()
    wait_until_free(tmp_path, said.append)
    assert free and len(said) == 1 and "in use by a training" in said[0]
    thread.join()
