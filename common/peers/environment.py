"""The environment of a peer: made once, kept, never mixed with the project's own."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from ..experiments import CommandError, run_command
from ..files import hold, write_whole
from .peer import Peer, read_peer

__all__ = ["ROOT", "environment_key", "make_environment", "peer_python"]

ROOT = Path("runs/peers")
_READY = "made_from.json"


def peer_python(name: str, *, root: str | Path = ROOT) -> Path:
    """Return the interpreter of a peer's environment, which `python -m scripts.peers NAME` has made.

    Args:
        name: the peer.
        root: folder of all peers' environments and results.

    Raises:
        ValueError: if there is no such peer.
        FileNotFoundError: if its environment has not been made, or not to its end.
    """
    peer = read_peer(name)
    folder = Path(root) / peer.name / "env"
    if not (_python(folder).is_file() and (folder / _READY).is_file()):
        raise FileNotFoundError(
            f"the environment of {name} is not in {folder.as_posix()}: python -m scripts.peers {name} makes"
            " it"
        )
    return _python(folder).absolute()  # not resolved: the link's own place is what makes it an environment


def make_environment(peer: Peer, *, root: str | Path = ROOT, say: Callable[[str], None] = print) -> Path:
    """Make a peer's environment where it is not there, or is of other requirements or another Python.

    pip installs as it is set up on the machine: its variables (`PIP_EXTRA_INDEX_URL` ...) hold.

    Args:
        peer: the peer.
        root: folder of all peers' environments and results.
        say: takes sentences for the user.

    Returns:
        Its interpreter.

    Raises:
        RuntimeError: if a package cannot be installed, or what was installed cannot be imported.
        InUseError: if another command is making it.
    """
    folder = Path(root) / peer.name / "env"
    log = folder.parent / "install.txt"
    key = environment_key(peer)
    with hold(folder, job="an installation", option="--output"):
        ready = folder / _READY
        if not _is_made_from(ready, key) or not _python(folder).is_file():
            say(f"making the environment of {peer.name} in {folder.as_posix()} (the log is {log.as_posix()})")
            ready.unlink(missing_ok=True)
            _install(peer, folder, log)
            text = json.dumps({"made_from": key}, indent=2)
            write_whole(ready, lambda part: part.write_text(text, encoding="utf-8"))
    return _python(folder).absolute()


def environment_key(peer: Peer) -> str:
    """Return a short text that changes with a peer's requirements and this Python's version."""
    given = peer.requirements.read_text(encoding="utf-8") + ".".join(platform.python_version_tuple()[:2])
    return hashlib.blake2b(given.encode(), digest_size=6).hexdigest()


def _install(peer: Peer, folder: Path, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Not cleared, which would remove the lock that is held there: pip brings an earlier one up to date.
        run_command(["-m", "venv", str(folder)], log=log, program=[sys.executable])
        words = ["-m", "pip", "install", "--no-input", "-r", str(peer.requirements)]
        run_command(words, log=log, program=[str(_python(folder))], environment={"PYTHONPATH": ""})
    except CommandError as error:
        told = re.findall(r"^ERROR: (.+)$", log.read_text(encoding="utf-8", errors="replace"), re.M)
        why = told[-1] if told else str(error)
        raise RuntimeError(
            f"the packages of {peer.name} cannot be installed ({why}; the log is {log.as_posix()}): correct"
            f" {peer.requirements.as_posix()} or pip's settings and give the same command again"
        ) from error


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _is_made_from(ready: Path, key: str) -> bool:
    try:
        return bool(json.loads(ready.read_text(encoding="utf-8"))["made_from"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return False
