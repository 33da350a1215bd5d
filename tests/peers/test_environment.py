"""An environment is made once, made anew for other requirements, and its faults are told in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from common.peers import make_environment, peer_names, peer_python, read_peer

from .conftest import Fake


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package in one file that pip installs without a network."""
    file = tmp_path / "tiny_peer-1.0-py3-none-any.whl"
    about = "tiny_peer-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny_peer.py", "ANSWER = 42\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-peer\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return file


def test_an_environment_is_made_once_and_holds_its_packages_alone(
    fake: Fake, tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    peer = read_peer("fake", tmp_path / "peers")
    peer.requirements.write_text(f"{wheel}\n")
    said: list[str] = []
    python = make_environment(peer, root=tmp_path / "out", say=said.append)
    assert python.is_relative_to(tmp_path / "out/fake/env") and len(said) == 1
    code = "import tiny_peer; print(tiny_peer.ANSWER)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "42"
    assert subprocess.run([python, "-I", "-c", "import torch"], capture_output=True).returncode != 0
    assert make_environment(peer, root=tmp_path / "out", say=said.append) == python and len(said) == 1
    peer.requirements.write_text(f"{wheel}\nno-such-package-here==1.0\n")
    with pytest.raises(
        RuntimeError, match=r"packages of fake cannot be installed \(.*no-such-package.*again"
    ):
        make_environment(peer, root=tmp_path / "out", say=said.append)
    peer.requirements.write_text(f"# better\n{wheel}\n")
    assert make_environment(peer, root=tmp_path / "out", say=said.append) == python and len(said) == 3


def test_who_wants_a_peers_python_gets_it_or_is_told_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python -m scripts.peers stardist makes it"):
        peer_python("stardist", root=tmp_path)
    with pytest.raises(ValueError, match="there is no peer 'stardits': did you mean stardist"):
        peer_python("stardits", root=tmp_path)
    place = tmp_path / "stardist/env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    place.parent.mkdir(parents=True)
    place.touch()
    with pytest.raises(FileNotFoundError, match="makes it"):  # half made
        peer_python("stardist", root=tmp_path)
    (tmp_path / "stardist/env/made_from.json").write_text(json.dumps({"made_from": "x"}))
    assert peer_python("stardist", root=tmp_path) == place


def test_the_peers_that_are_promised_are_there() -> None:
    assert {"cellpose", "instanseg", "sam", "stardist"} <= set(peer_names())
