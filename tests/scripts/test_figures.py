"""Figures are drawn of any data set, with and without weights, and say which of the two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from common.datalists import load_datalist
from common.engine.trained import training_config
from common.figures import Panel, Subject, cascaded_unet, logsage, resnet18_unet
from common.files import stem_of
from common.sample import write_sample
from scripts import figures as script

ROOT = Path(__file__).parents[2]
FILES = {
    "logsage": ["curvature.png", "log_maps.png"],
    "resnet18_unet": ["hard_pixels.png", "label_propagation.png"],
    "cascaded_unet": ["errors.png", "weight_maps.png"],
}
BUNDLES = [name for name in FILES if (ROOT / "bundles" / name / "configs" / "train.json").is_file()]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data set for each bundle."""
    folder = tmp_path_factory.mktemp("data")
    made = {
        modality: write_sample(folder / modality, modality=modality, shape=(96, 96), counts=(2, 1, 1))
        for modality in ("fluorescence", "he")
    }
    return {name: made["he" if name == "cascaded_unet" else "fluorescence"] for name in FILES}


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every title that was drawn, of pictures and of panels."""
    seen: list[str] = []
    draw_curves, draw_panels = logsage.write_curvature_picture, resnet18_unet.write_panels

    def curves(path, image, truth, prediction, *rest, **options):
        seen.extend([options["title"], prediction.title])
        return draw_curves(path, image, truth, prediction, *rest, **options)

    def panels(path, shown: Sequence[Panel], **options):
        seen.extend([options["title"], *(panel.title for panel in shown)])
        return draw_panels(path, shown, **options)

    monkeypatch.setattr(logsage, "write_curvature_picture", curves)
    for module in (resnet18_unet, cascaded_unet):
        monkeypatch.setattr(module, "write_panels", panels)
    return seen


def weights_of(bundle: str, folder: Path) -> Path:
    """Write random weights of a bundle, with the settings that a training saves."""
    parser = training_config(ROOT / "bundles" / bundle)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "model.pt")
    settings = {"bundle_root": f"bundles/{bundle}", "network_def": parser["network_def"]}
    (folder / "train.json").write_text(json.dumps(settings))
    return folder / "model.pt"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_without_weights_it_says_so(
    bundle: str,
    datasets: dict[str, Path],
    tmp_path: Path,
    titles: list[str],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object, **__: object) -> None:
        raise FileNotFoundError("there are no weights")  # some bundles have released ones

    monkeypatch.setattr(script, "choose_weights", none)
    monkeypatch.setattr("common.engine.trained.bundle.find_weights", none)
    output = tmp_path / "new" / "figures"
    files = script.figures(
        bundle, dataset_dir=str(datasets[bundle]), ckpt_dir=str(tmp_path / "none"), output_dir=str(output)
    )
    assert sorted(path.name for path in output.iterdir()) == FILES[bundle]
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) > 400 and (np.ptp(pixels, axis=2) > 60).any(), "something has colour"
    said = sum("no weights" in title and "spoilt truth" in title for title in titles)
    # Every picture with a prediction; weights between nuclei and maps of the image have none.
    assert said >= (2 if bundle == "resnet18_unet" else 1)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_with_weights_their_prediction_is_drawn(
    bundle: str, datasets: dict[str, Path], tmp_path: Path, titles: list[str]
) -> None:
    file = weights_of(bundle, tmp_path / "run")
    script.figures(
        bundle, dataset_dir=str(datasets[bundle]), weights=str(file), output_dir=str(tmp_path / "out")
    )
    assert any(f"prediction of {Path(file).name}" in title for title in titles)
    assert not any(str(file) in title for title in titles), "a path is longer than the picture is wide"
    assert not any("no weights" in title for title in titles)


def test_the_oracle_is_never_called_a_score(
    datasets: dict[str, Path], tmp_path: Path, titles: list[str]
) -> None:
    script.figures(
        "resnet18_unet", dataset_dir=str(datasets["resnet18_unet"]), ckpt_dir=str(tmp_path / "none"),
        output_dir=str(tmp_path),
    )  # fmt: skip
    scored = [title for title in titles if "F1@0.5" in title]
    assert len(scored) == 2, "the oracle's panel and that of the decoder"
    assert scored[0].startswith("oracle: knows the truth") and "oracle" not in scored[1]
    assert any("Oracle: knows the truth, an upper bound and no score" in title for title in titles)
    assert any("hardest 9.2 %" in title for title in titles), "the fraction of the bundle's loss"


@pytest.mark.skipif("resnet18_unet" not in BUNDLES, reason="resnet18_unet is not in bundles")
@pytest.mark.parametrize(
    ("settings", "fraction", "said"), [({"hard_fraction": 0.2}, "20.0 %", False), ({}, "9.2 %", True)]
)
def test_hard_pixels_are_those_of_the_training_or_of_the_bundle(
    settings: dict[str, float], fraction: str, said: bool, datasets: dict[str, Path], tmp_path: Path,
    titles: list[str],
) -> None:  # fmt: skip
    file = weights_of("resnet18_unet", tmp_path / "run")
    trained = json.loads(file.with_name("train.json").read_text(encoding="utf-8"))
    loss = dict(training_config(ROOT / "bundles" / "resnet18_unet")["loss"])
    del loss["hard_fraction"]
    file.with_name("train.json").write_text(json.dumps({**trained, "loss": {**loss, **settings}}))
    script.figures(
        "resnet18_unet", dataset_dir=str(datasets["resnet18_unet"]), weights=str(file),
        output_dir=str(tmp_path / "out"),
    )  # fmt: skip
    [title] = [title for title in titles if title.startswith("Hard example mining")]
    assert f"the hardest {fraction}" in title and ("trained on all pixels" in title) == said


@pytest.mark.skipif("cascaded_unet" not in BUNDLES, reason="cascaded_unet is not in bundles")
def test_trainings_of_any_bundle_are_compared(
    datasets: dict[str, Path], tmp_path: Path, titles: list[str]
) -> None:
    rgb = {"_target_": "common.networks.ResNet18UNet", "in_channels": 3, "out_channels": 4}
    folders = [tmp_path / name for name in ("one", "two", "other/one")]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        folder.mkdir(parents=True)
        parser = training_config(ROOT / "bundles" / "resnet18_unet")
        parser["network_def"] = rgb
        torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "model.pt")
        settings = {"bundle_root": "bundles/resnet18_unet", "network_def": rgb, "channels": "0,1,2"}
        (folder / "train.json").write_text(json.dumps(settings))
    script.figures(
        "cascaded_unet", dataset_dir=str(datasets["cascaded_unet"]), crop_px=40,
        compare=[str(folder) for folder in folders], output_dir=str(tmp_path / "out"),
    )  # fmt: skip
    drawn = [title for title in titles if "F1@0.5" in title and "AJI" in title]
    names = [title.split("\n")[0] for title in drawn]
    # Two crops; folders of one name are told apart by their paths.
    assert names == [str(folders[0]), "two", str(folders[2])] * 2


def test_another_image_gives_other_pictures(datasets: dict[str, Path], tmp_path: Path) -> None:
    folder = datasets["logsage"]
    names = [stem_of(item["image"]) for item in load_datalist(folder, "training")][:2]
    pictures = []
    for name in names:
        files = script.figures(
            "logsage", dataset_dir=str(folder), split="training", image=name,
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
        ({"bundle": "logsage", "compare": ["runs/a"]}, "logsage show one training.*--compare"),
        ({"bundle": "cascaded_unet", "compare": "runs/a", "weights": "b.pt"}, "leave --weights"),
    ],
)
def test_wrong_options_are_named(
    datasets: dict[str, Path], tmp_path: Path, options: dict, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        script.figures(**options, dataset_dir=str(datasets["logsage"]), output_dir=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_weights_that_are_named_must_be_there(bundle: str, datasets: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        script.figures(
            bundle, dataset_dir=str(datasets[bundle]), weights=str(tmp_path / "nowhere.pt"),
            output_dir=str(tmp_path),
        )  # fmt: skip


def test_the_channels_are_those_of_the_training_unless_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_sample(tmp_path / "data", modality="multiplex", shape=(64, 64), counts=(1, 1, 1))
    *_, last = load_datalist(dataset, "test")[0]["channels"]
    settings = weights_of("resnet18_unet", tmp_path / "run").with_name("train.json")
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "channels": last}))
    subjects: list[Subject] = []
    monkeypatch.setitem(script.FIGURES, "resnet18_unet", lambda subject: subjects.append(subject) or [])
    for options in ({}, {"channels": last}, {"channels": 0}):
        places = {"dataset_dir": str(dataset), "ckpt_dir": str(tmp_path / "run")}
        script.figures("resnet18_unet", **places, **options)
    drawn = [subject.image for subject in subjects]
    seen = [subject.prediction().found.image for subject in subjects]
    for one, named, other in (drawn, seen):
        assert np.array_equal(one, named) and not np.array_equal(one, other)
