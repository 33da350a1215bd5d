"""Runs a command in a process of its own, and says in one sentence how it failed."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..files import InUseError, hold

__all__ = ["CommandError", "DiskFullError", "run_command", "wait_until_free"]

_TAIL_BYTES = 20_000  # of a log, in which its last lines surely are
_ENOUGH_BYTES = 20 * 2**20  # less is left on a full disk on which even a checkpoint has no room
_POLL_SECONDS = 0.5


class CommandError(RuntimeError):
    """A bundle's command failed."""


class DiskFullError(CommandError):
    """A bundle's command failed for want of space, as would all that follow."""


def run_command(
    words: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    heard: Callable[[str], None] | None = None,
    program: Sequence[str] = (sys.executable, "-m"),
) -> None:
    """Run `python -m WORDS` from the working directory, or another program.

    Args:
        words: the module and its arguments.
        log: file that what it prints is appended to.
        environment: variables beside those of this process.
        heard: called twice a second with the last line that it printed.
        program: what is run with the words.

    Raises:
        DiskFullError: if it failed and there is no space left.
        CommandError: if it failed otherwise; the sentence is the command's own last one.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*program, *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if heard is not None:
                        heard(_last_line(_tail(log)))
        except BaseException:
            # It closes its run in MLflow and keeps its checkpoint; the first request is enough.
            process.terminate()
            process.wait()
            raise
    if code:
        raise _failure(code, log)


def wait_until_free(folder: Path, say: Callable[[str], None]) -> None:
    """Wait while another job writes to a folder: a training that outlived the grid that began it.

    Args:
        folder: the folder.
        say: called once, with a sentence, if there is something to wait for.
    """
    said = False
    while True:
        try:
            with hold(folder, job="a grid", option="--output"):
                return
        except InUseError as error:
            if not said:
                say(f"waiting for what an earlier start left running: {str(error).split(': wait')[0]}")
                said = True
            time.sleep(_POLL_SECONDS)


def _failure(code: int, log: Path) -> CommandError:
    text = _tail(log)
    told = re.findall(r"^error: (.+)$", text, re.M)
    why = f"it was ended by signal {-code}" if code < 0 else f"exit code {code}: {_last_line(text)}"
    why = told[-1] if told and code > 0 else why
    full = os.strerror(errno.ENOSPC) in why or shutil.disk_usage(log.parent).free < _ENOUGH_BYTES
    return (DiskFullError if full else CommandError)(f"{why} (the log is {log.as_posix()})")


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        return file.read().decode("utf-8", errors="replace")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    return lines[-1] if lines else ""
