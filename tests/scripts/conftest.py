"""A repository that a test may spoil: a bundle and the shared wiring as copies, the code that of this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from common.bundle_config import written
from scripts.new_bundle import new_bundle


@pytest.fixture
def copy_of_repository(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with copies of `bundles/logsage`, `common/configs` and the licence."""
    for folder in ("bundles/logsage", "common/configs"):
        shutil.copytree(repository / folder, tmp_path / "copy" / folder)
    shutil.copy(repository / "LICENSE", tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def small(copy_of_repository: Path) -> Path:
    """Be there with a bundle `small`: a new one with a network and crops that take milliseconds."""
    folder = new_bundle("small")
    network = read(folder, "train")["network_def"]
    edit(folder, "train", "network_def", network | {"channels": [4, 8, 8], "strides": [1, 2]})
    edit(folder, "train", "crop_px", 64)
    return folder


def read(bundle: Path, name: str) -> dict[str, Any]:
    """Read one of a bundle's files."""
    return json.loads((bundle / "configs" / f"{name}.json").read_text("utf-8"))


def edit(bundle: Path, name: str, key: str, value: Any) -> None:
    """Put another value at a top-level key of one of a bundle's files."""
    file = bundle / "configs" / f"{name}.json"
    file.write_text(written(read(bundle, name) | {key: value}), encoding="utf-8")
