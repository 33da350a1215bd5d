"""A new bundle is in order and works as it is; what cannot be one is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check import check
from scripts.new_bundle import new_bundle


def test_a_new_bundle_is_in_order(copy_of_repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_bundle("my_unet")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "configs/train.json",
        "configs/inference.json",
        "configs/metadata.json",
        "docs/README.md",
    }
    said = capsys.readouterr().out
    assert "python -m scripts.check my_unet" in said and "bundles/my_unet/configs/train.json" in said
    check("my_unet")
    assert capsys.readouterr().out.count("ok bundles/my_unet/") == 3


def test_it_differs_from_the_other_only_where_it_must(copy_of_repository: Path) -> None:
    """Wiring and options are the other bundle's, whatever these are by now."""
    new_bundle("mine", like="logsage")
    for name, changed in (("train", {"bundle_name", "network_def", "inferer"}), ("inference", set())):
        old, new = (
            json.loads(Path(f"bundles/{bundle}/configs/{name}.json").read_text("utf-8"))
            for bundle in ("logsage", "mine")
        )
        assert list(old) == list(new)
        for key, value in old.items():
            if key in changed:
                assert new[key] != value
            else:
                text = json.dumps(value).replace("bundles/logsage", "bundles/mine")
                assert json.dumps(new[key]) == text.replace("runs/logsage", "runs/mine"), key
    text = "".join(path.read_text("utf-8") for path in Path("bundles/mine/configs").iterdir())
    assert "runs/logsage" not in text and "bundles/logsage" not in text
    assert json.loads(Path("bundles/mine/configs/metadata.json").read_text("utf-8"))["eval_metrics"] == {}


@pytest.mark.parametrize("name", ["My", "1st", "a-b", "a b", "", "../a", "class", "all", "logsage"])
def test_what_is_no_new_name_is_refused(copy_of_repository: Path, name: str) -> None:
    before = sorted(Path("bundles").rglob("*"))
    with pytest.raises((ValueError, FileExistsError), match=f"{name!r} cannot be a bundle|logsage exists"):
        new_bundle(name)
    assert sorted(Path("bundles").rglob("*")) == before


def test_a_bundle_to_begin_with_must_be_there(copy_of_repository: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no bundle 'logsag' in bundles: did you mean logsage"):
        new_bundle("mine", like="logsag")


def test_a_cascade_is_no_beginning(copy_of_repository: Path) -> None:
    file = Path("bundles/two/configs/train.json")
    file.parent.mkdir(parents=True)
    file.write_text('{"network_def": {"_target_": "Two", "first": {}, "second": {}}}')
    with pytest.raises(ValueError, match="two is two networks"):
        new_bundle("mine", like="two")
    assert not Path("bundles/mine").exists()


def test_a_new_bundle_passes_the_tests_of_every_bundle(repository: Path, tmp_path: Path) -> None:
    """In a copy of the repository, found there as every bundle is."""
    copy = tmp_path / "copy"
    left_out = shutil.ignore_patterns("runs", "mlruns*", ".*", "__pycache__")
    shutil.copytree(repository, copy, ignore=left_out)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    run("scripts.new_bundle", "made_by_a_test")
    passed = run(
        "pytest",
        "tests/bundles",
        "tests/test_docs.py",
        "tests/test_architecture.py",
        "-q",
        "-k",
        "made_by_a_test",
        "-p",
        "no:cacheprovider",
    )
    assert " passed" in passed
