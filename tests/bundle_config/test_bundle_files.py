"""Tests of finding a bundle and reading its configuration from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from common.bundle_config import bundle_folder, bundle_names, bundle_parser, project_root

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["the root", "elsewhere"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in the repository's root, or in a folder that has nothing to do with it."""
    monkeypatch.chdir(ROOT if request.param == "the root" else tmp_path)


@pytest.mark.usefixtures("anywhere")
def test_bundles_are_found_and_read_as_monai_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert project_root() == ROOT and "resnet18_unet" in bundle_names()
    folder = bundle_folder("resnet18_unet")
    found = bundle_parser(folder).get()
    monkeypatch.chdir(ROOT)
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "inference.json"))
    parser.resolve_macro_and_relative_ids()
    expected = parser.get()
    assert {name: found[name] for name in expected if name != "_meta_"} == {
        name: value for name, value in expected.items() if name != "_meta_"
    }


@pytest.mark.usefixtures("anywhere")
def test_a_folder_is_as_good_as_a_name_and_another_name_gets_the_nearest() -> None:
    assert bundle_folder("bundles/resnet18_unet") == bundle_folder(ROOT / "bundles" / "resnet18_unet")
    with pytest.raises(FileNotFoundError, match="no bundle 'logsag': did you mean logsage"):
        bundle_folder("logsag")


def test_a_working_directory_that_has_the_project_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "common" / "configs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there are no bundles in"):
        bundle_folder("logsage")
