"""What SAM sees, in colours: principal components do not depend on how features are numbered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_sam import save_small_sam

from common.figures import Panel, eunet3plus_sam
from common.figures.eunet3plus_sam import principal_colours
from common.sample import write_sample
from scripts import figures as script

RNG = np.random.default_rng(0)


def blobs() -> np.ndarray:
    """Eight features of which three vary most."""
    strengths = np.array([9, 5, 3, 0.1, 0.1, 0.1, 0.1, 0.1])[:, None, None]
    return (strengths * RNG.normal(size=(8, 12, 10))).astype(np.float32)


def test_colours_are_of_the_strongest_components() -> None:
    features = blobs()
    colours, share = principal_colours(features)
    assert colours.shape == (12, 10, 3) and share > 0.99
    for number in range(3):
        same = np.corrcoef(colours[..., number].ravel(), features[number].ravel())[0, 1]
        assert abs(same) > 0.9


def test_other_axes_of_the_features_give_the_same_colours_but_for_their_sign() -> None:
    features = blobs()
    turn = np.linalg.qr(RNG.normal(size=(8, 8)))[0]
    turned = np.einsum("ij,jhw->ihw", turn, features).astype(np.float32)
    (one, share), (other, again) = principal_colours(features), principal_colours(turned)
    assert np.isclose(share, again, atol=1e-4)
    for number in range(3):
        pair = one[..., number].astype(int), other[..., number].astype(int)
        assert min(np.abs(pair[0] - pair[1]).max(), np.abs(pair[0] - (255 - pair[1])).max()) <= 1


def test_equal_features_are_grey() -> None:
    colours, share = principal_colours(np.ones((4, 3, 5), np.float32))
    assert (colours == 128).all() and share == 0


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every title."""
    seen: list[str] = []
    own = eunet3plus_sam.write_panels

    def panels(path: Path, shown: Sequence[Panel], **options: object) -> Path:
        seen.extend([str(options["title"]), *(panel.title for panel in shown)])
        return own(path, shown, **options)

    monkeypatch.setattr(eunet3plus_sam, "write_panels", panels)
    return seen


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "data", modality="he", shape=(90, 100), counts=(1, 1, 1))


def test_each_size_that_is_there_is_drawn(
    images: Path, tmp_path: Path, fetched_sam: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eunet3plus_sam, "SIZES", (*eunet3plus_sam.SIZES, "facebook/sam-vit-gigantic"))
    [file] = script.figures(
        "eunet3plus_sam",
        dataset_dir=str(images),
        ckpt_dir=str(tmp_path / "none"),
        output_dir=str(tmp_path / "out"),
    )
    title, first, *others = drawn
    assert file.name == "sam_features.png" and first == "image"
    assert [each.split("\n")[0] for each in others] == [
        f"facebook/sam-vit-{s}" for s in ("base", "large", "huge")
    ]
    assert all("% of the variance" in each for each in others)
    assert "not on this machine: facebook/sam-vit-gigantic" in title
    pixels = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert (np.ptp(pixels, axis=2) > 60).any(), "something has colour"


def test_the_trainings_own_sam_comes_first(
    images: Path, tmp_path: Path, fetched_sam: Path, drawn: list[str]
) -> None:
    own = save_small_sam(tmp_path / "my_sam", seed=7)
    run = tmp_path / "run"
    run.mkdir()
    torch.save({}, run / "model.pt")
    (run / "train.json").write_text(json.dumps({"sam_weights": str(own)}))
    script.figures(
        "eunet3plus_sam", dataset_dir=str(images), ckpt_dir=str(run), output_dir=str(tmp_path / "out")
    )
    assert drawn[2].startswith("my_sam\n")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        script.figures("eunet3plus_sam", dataset_dir=str(images), weights=str(tmp_path / "nowhere.pt"))


def test_a_sam_that_is_not_there_is_asked_for(images: Path, tmp_path: Path, fetched_sam: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    torch.save({}, run / "model.pt")
    (run / "train.json").write_text(json.dumps({"sam_weights": str(tmp_path / "gone")}))
    with pytest.raises(FileNotFoundError, match="gone: there are no such weights of SAM on this machine"):
        script.figures("eunet3plus_sam", dataset_dir=str(images), ckpt_dir=str(run), output_dir=str(tmp_path))
