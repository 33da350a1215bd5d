"""Receptive fields are measured of every bundle on disk, with and without weights, and it says which."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from common.datalists import load_datalist
from common.datalists.nucleus_reach import nucleus_reaches
from common.readers import read_labels
from scripts.check import sample_for
from scripts.receptive_field import receptive_field, verdict

ROOT = Path(__file__).parents[2]
BUNDLES = sorted(path.parents[1].name for path in ROOT.glob("bundles/*/configs/train.json"))
SENTENCE = {
    "radius_px": 40.0,
    "radius_um": None,
    "radii_px": {"absolute": {"0.5": {"centre": 5.0}}},
    "crop_px": 192,
    "split": "test",
    "nuclei": 200,
    "larger_nuclei": 0,
    "largest_nucleus_px": 28.0,
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Make, once each, samples for networks of so many channels: two test images of 97 x 83 pixels."""
    made: dict[int, Path] = {}

    def make(channels: int) -> Path:
        if channels not in made:
            folder = tmp_path_factory.mktemp("data") / f"sample{channels}"
            made[channels] = sample_for(folder, channels=channels, counts=(1, 1, 2))
        return made[channels]

    return make


@pytest.mark.parametrize("bundle", BUNDLES)
def test_every_bundle(
    bundle: str, sample: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    train = ConfigParser.load_config_file(f"bundles/{bundle}/configs/train.json")
    side = 2 * train["inferer"]["divisor"]
    report = receptive_field(
        bundle,
        dataset_dir=str(sample(train["network_def"]["in_channels"])),
        crop_px=side,
        weights="random",
        output_dir=str(tmp_path / "new" / "folder"),
    )
    picture, file = (tmp_path / "new" / "folder" / f"receptive_field.{kind}" for kind in ("png", "json"))
    assert json.loads(file.read_text("utf-8")) == report
    assert np.asarray(Image.open(picture).convert("RGB")).std() > 20
    assert report["weights"] == "random" and len(report["images"]) == 2
    half, most = (report["radii_px"]["absolute"][key]["centre"] for key in ("0.5", "0.95"))
    assert 0 < half <= most == report["radius_px"] < side
    assert report["nuclei"] > 0 and report["verdict"].startswith("95 % of the gradient lies within")


def measured(output: Path, **options: Any) -> dict[str, Any]:
    return receptive_field(
        "small",
        split="training",
        crop_px=64,
        dataset_dir=str(output.parent / "data"),
        output_dir=str(output),
        **options,
    )


@pytest.fixture
def data(small: Path, sample: Callable[[int], Path], tmp_path: Path) -> Path:
    """Be in a repository with a bundle whose network is tiny, its data set beside the test's output."""
    (tmp_path / "data").symlink_to(sample(1), target_is_directory=True)
    return tmp_path / "data"


def test_without_weights_it_says_so_and_repeats(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = torch.get_rng_state()
    with caplog.at_level(logging.WARNING):
        first = measured(tmp_path / "a")
    assert "no weights in runs/small: the receptive field is that of random weights" in caplog.text
    assert torch.equal(torch.get_rng_state(), state), "callers' random numbers are their own"
    torch.rand(1)
    second = measured(tmp_path / "b", ckpt_dir=str(tmp_path / "none"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (tmp_path / "a" / "receptive_field.png").read_bytes() == (
        tmp_path / "b" / "receptive_field.png"
    ).read_bytes()


def test_weights_and_the_settings_beside_them_are_used(data: Path, tmp_path: Path) -> None:
    settings = ConfigParser.load_config_file("bundles/small/configs/train.json")
    settings["network_def"]["channels"] = [6, 8, 8]
    parser = ConfigParser(dict(settings))
    torch.manual_seed(5)
    (tmp_path / "ckpt").mkdir()
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "ckpt" / "model.pt")
    (tmp_path / "ckpt" / "train.json").write_text(json.dumps(settings))
    report = measured(tmp_path / "trained", ckpt_dir=str(tmp_path / "ckpt"))
    assert report["weights"] == str(tmp_path / "ckpt" / "model.pt")
    assert report["radii_px"] != measured(tmp_path / "random", weights="random")["radii_px"]


def test_it_compares_with_every_nucleus_of_the_list_and_knows_micrometres(data: Path, tmp_path: Path) -> None:
    report = measured(tmp_path / "out")
    labels = [read_labels(item["label"]) for item in load_datalist(data, "training")]
    reaches = np.concatenate([nucleus_reaches(one) for one in labels])
    assert report["nuclei"] == len(reaches)
    assert report["largest_nucleus_px"] == pytest.approx(reaches.max(), abs=0.05)
    assert report["larger_nuclei"] == (reaches > report["radius_px"]).sum()
    assert report["pixel_size_um"] == 0.5  # as the sample's dataset.json says
    assert report["radius_um"] == pytest.approx(0.5 * report["radius_px"], abs=0.05)


def test_small_images_are_mirrored_and_it_says_so(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        receptive_field(
            "small", dataset_dir=str(data), crop_px=128, images=1, output_dir=str(tmp_path / "out")
        )
    assert "1 of 1 images are smaller than 128 px" in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bundle": "smal"}, "no bundle 'smal': did you mean small"),
        ({"crop_px": 65}, r"--crop_px must be a multiple of 8 \(try 64 or 72\) for this network, not 65"),
        ({"images": 0}, "--images is 0"),
        ({"output_map": 4}, "there is no output map 4: choose 0 to 3"),
        ({"split": "tests"}, "no list 'tests': did you mean test"),
        ({"channels": "CD3"}, "no channel CD3"),
    ],
)
def test_wrong_options_are_named(data: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    given = {"bundle": "small", "dataset_dir": str(data), "crop_px": 64, **options}
    with pytest.raises(ValueError, match=words):
        receptive_field(**given, output_dir=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_weights_that_are_named_must_be_there(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        measured(tmp_path / "out", weights=str(tmp_path / "nowhere.pt"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "95 % of the gradient lies within 40 px of the pixel (50 % within 5 px); the largest nucleus "
         "reaches 28 px from its centre: the receptive field is larger than the largest nucleus"),
        ({"radius_um": 20.0}, "within 40 px (20.0 µm) of the pixel"),
        ({"larger_nuclei": 3}, "is smaller than 3 of 200 nuclei (1.5 %)"),
        ({"largest_nucleus_px": None}, "the test list has no nucleus"),
        ({"crop_px": 80}, "may be larger still, as it leaves the crop: raise --crop_px 80"),
    ],
)  # fmt: skip
def test_the_verdict_is_a_sentence(change: dict[str, Any], words: str) -> None:
    said = verdict({**SENTENCE, **change})
    assert words in said
    assert ("may be larger" in said) == ("crop_px" in change)
