"""The embedded sample is made where a run first asks for it; other folders have to be there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from common.datalists import dataset_folder, load_datalist
from common.readers import probe
from common.sample import MODALITIES, ensure_sample


@pytest.fixture(autouse=True)
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make samples of three small images, not of 38."""
    small = partial(ensure_sample, counts=(1, 1, 1), shape=(40, 48))
    monkeypatch.setattr("common.sample.ensure_sample", small)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_sample_is_made_on_first_use_and_told(
    modality: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        folder = dataset_folder(tmp_path / "runs" / f"sample_{modality}")
        told = caplog.text
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        assert dataset_folder(str(folder)) == folder
    assert f"making the sample data ({modality}, 3 images" in told and caplog.text == told
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    (item,) = load_datalist(folder, "test")
    assert probe(item["image"]).shape[1:] == (40, 48)
    assert list(folder.parent.iterdir()) == [folder]


def test_other_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "2018").mkdir()
    (tmp_path / "sample_of_mine").mkdir()
    assert dataset_folder(tmp_path / "2018") == tmp_path / "2018"
    assert not list(dataset_folder(tmp_path / "sample_of_mine").iterdir())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "nowhere does not exist: check --dataset_dir$"),
        ("sample_xray", "sample_xray does not exist"),
        ("a/x,b/y", r"a/x,b/y does not exist: .* write several folders as \"\['A','B'\]\"$"),
        (["a", "b"], r"several folders \(a, b\) where one is meant"),
    ],
)
def test_refusals(given: str | list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError), match=said):
        dataset_folder(given)
