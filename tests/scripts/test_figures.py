"""Figures are drawn of any data set, with and without weights, and say which of the two."""

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from common.readers import load_datalist, stem_of, write_sample
from scripts import figures as script


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(
        tmp_path_factory.mktemp("data") / "sample", modality="fluorescence", shape=(96, 96), counts=(2, 1, 1)
    )


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of what was drawn as prediction."""
    seen: list[str] = []
    draw = script.write_curvature_picture

    def noted(path, image, truth, prediction, *rest, **options):
        seen.append(prediction.title)
        return draw(path, image, truth, prediction, *rest, **options)

    monkeypatch.setattr(script, "write_curvature_picture", noted)
    return seen


def test_without_weights_it_says_so(
    dataset: Path, tmp_path: Path, titles: list[str], capsys: pytest.CaptureFixture, repository: Path
) -> None:
    output = tmp_path / "new" / "figures"
    files = script.figures(
        "logsage", dataset_dir=str(dataset), ckpt_dir=str(tmp_path / "none"), output_dir=str(output)
    )
    assert sorted(path.name for path in output.iterdir()) == ["curvature.png", "log_maps.png"]
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) > 400 and (np.ptp(pixels, axis=2) > 60).any(), "something has colour"
    assert "no weights" in titles[0]


def test_with_weights_their_prediction_is_drawn(dataset: Path, tmp_path: Path, titles: list[str]) -> None:
    parser = ConfigParser()
    parser.read_config("bundles/logsage/configs/train.json")
    network = parser.get_parsed_content("network_def")
    torch.save(network.state_dict(), tmp_path / "some.pt")
    script.figures(
        "logsage", dataset_dir=str(dataset), weights=str(tmp_path / "some.pt"), output_dir=str(tmp_path)
    )
    assert titles == [f"prediction of {tmp_path / 'some.pt'}"]


def test_another_image_gives_other_pictures(dataset: Path, tmp_path: Path) -> None:
    names = [stem_of(item["image"]) for item in load_datalist(dataset, "training")][:2]
    pictures = []
    for name in names:
        files = script.figures(
            "logsage", dataset_dir=str(dataset), split="training", image=name,
            ckpt_dir=str(tmp_path / "none"), output_dir=str(tmp_path / name),
        )  # fmt: skip
        pictures.append([file.read_bytes() for file in files])
    assert pictures[0][0] != pictures[1][0] and pictures[0][1] != pictures[1][1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bundle": "logsag"}, "'logsag'.*logsage"),
        ({"bundle": "logsage", "image": "nobody"}, "no image 'nobody'"),
        ({"bundle": "logsage", "crop_px": 8}, "crop_px is 8"),
    ],
)
def test_wrong_options_are_named(dataset: Path, tmp_path: Path, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        script.figures(**options, dataset_dir=str(dataset), output_dir=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_weights_that_are_named_must_be_there(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        script.figures("logsage", dataset_dir=str(dataset), weights=str(tmp_path / "nowhere.pt"))
