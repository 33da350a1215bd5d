"""A folder is one job's: other processes, other names of it, killed holders, drives without locks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from common.files import InUseError, hold

ROOT = Path(__file__).parents[2]
# Holds the folder until it is killed; with a child that was forked meanwhile, as a data loader's worker is.
HOLDER = """
import multiprocessing, sys, time
from common.files import hold
with hold(sys.argv[1], job="a training", option="--ckpt_dir"):
    if len(sys.argv) > 2:
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(folder: Path, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_another_process_is_told_who_holds_it_and_may_read(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("weights")
    with _holder(tmp_path) as process:
        told = rf"{process.pid}\): wait, stop it, or give another --output_dir$"
        with (
            pytest.raises(InUseError, match=told) as caught,
            hold(tmp_path, job="an evaluation", option="--output_dir"),
        ):
            pass
        assert str(caught.value).startswith(f"{tmp_path} is in use by a training begun at 20")
        assert (tmp_path / "model.pt").read_text() == "weights"
        process.kill()


@pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL")
def test_a_killed_holder_blocks_nobody_even_if_its_child_lives_on(tmp_path: Path) -> None:
    with _holder(tmp_path, "child") as process:
        process.kill()
        process.wait()
        try:
            assert "in_use.json" in _names(tmp_path), "it had no time to clear up"
            with hold(tmp_path, job="a training", option="--ckpt_dir"):
                assert str(os.getpid()) in (tmp_path / "in_use.json").read_text()
            assert _names(tmp_path) == []
            os.killpg(process.pid, 0)  # the child is still there
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_folder_is_the_same_by_another_name_and_not_the_one_inside_it(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder, target_is_directory=True)
    with hold(folder, job="a training", option="--ckpt_dir"):
        with (
            pytest.raises(InUseError, match="in use by a training"),
            hold(link, job="a training", option="--ckpt_dir"),
        ):
            pass
        with hold(link / "evaluation", job="an evaluation", option="--output_dir"):
            assert _names(folder / "evaluation") == ["in_use.json", "in_use.lock"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_frees_it_and_nothing_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    for _ in range(2):
        with pytest.raises(error), hold(tmp_path / "new", job="a training", option="--ckpt_dir"):
            raise error
    assert _names(tmp_path / "new") == []


def test_a_job_that_is_just_ending_is_waited_for(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        ending = threading.Timer(0.3, process.kill)
        ending.start()
        with hold(tmp_path, job="a training", option="--ckpt_dir"):
            assert process.wait(5) != 0
        ending.join()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_drive_without_locks_is_said_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def refuse(self: FileLock, **options: float) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with hold(tmp_path, job="a training", option="--ckpt_dir"):
        (tmp_path / "model.pt").write_text("weights")
    assert "start no second job with this --ckpt_dir" in caplog.text
    assert _names(tmp_path) == ["model.pt"]


def test_a_folder_that_cannot_be_written_is_named_with_its_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FileLock, **options: float) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with (
        pytest.raises(PermissionError, match=f"^--output_dir {tmp_path} cannot be written: name another"),
        hold(tmp_path, job="an evaluation", option="--output_dir"),
    ):
        pass
    assert _names(tmp_path) == []
