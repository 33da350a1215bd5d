"""A folder that one job at a time writes to; the next is told who does."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .whole_file import write_whole

__all__ = ["InUseError", "hold"]

_log = logging.getLogger(__name__)

_LOCK, _HOLDER = "in_use.lock", "in_use.json"
# A job that is just ending is waited for.
_WAIT_SECONDS = 1.0
# What a file system says that has no locks, such as some network drives.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class InUseError(RuntimeError):
    """Another job writes to the folder."""


@contextmanager
def hold(folder: str | Path, *, job: str, option: str) -> Iterator[None]:
    """Keep other jobs out of a folder as long as the block runs; reading from it is free to all.

    The lock is the operating system's, on a file in the folder: two names of one folder are one, other
    machines see it on a network drive, and it ends with its process, however that ends. A file beside it says
    who holds it. Both are removed at the end; what a killed job leaves of them holds nobody up.

    Args:
        folder: the folder, made if needed.
        job: what this job is, with its article: "a training".
        option: the option that named the folder.

    Raises:
        InUseError: if another job holds it; the sentence names that job and what to do.
        PermissionError: if the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, hold(folder, job="a training", option="--ckpt_dir"):
        ...     try:
        ...         with hold(folder, job="a training", option="--ckpt_dir"):
        ...             print("never")
        ...     except InUseError as error:
        ...         print(str(error).replace(folder, "runs/a").split(" begun ")[0])
        runs/a is in use by a training
    """
    folder = Path(folder)
    # Without locks of the system filelock can only look whether a file is there, which a killed job leaves.
    lock = FileLock(folder / _LOCK, fallback_to_soft=False)
    holder = folder / _HOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        raise InUseError(
            f"{folder} is in use by {_told(holder)}: wait, stop it, or give another {option}"
        ) from None
    except PermissionError as error:
        raise PermissionError(f"{option} {folder} cannot be written: name another ({error})") from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _log.warning("%s is on a drive without locks: start no second job with this %s", folder, option)
    try:
        _tell(holder, job)
        yield
    finally:
        # While it is held: afterwards they may be another job's. What stays holds nobody up.
        with suppress(OSError):
            holder.unlink()
        # Windows removes no open file: there filelock does it.
        if lock.is_locked and os.name == "posix":
            with suppress(OSError):
                Path(lock.lock_file).unlink()
        lock.release()


def _tell(holder: Path, job: str) -> None:
    begun = time.strftime("%Y-%m-%d %H:%M:%S")
    told = {"job": job, "begun": begun, "host": socket.gethostname(), "process": os.getpid()}
    text = json.dumps(told, indent=2)
    write_whole(holder, lambda part: part.write_text(text, encoding="utf-8"))


def _told(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text(encoding="utf-8"))
        return f"{told['job']} begun at {told['begun']} on host {told['host']} (process {told['process']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another job"  # which begins or ends at this moment
