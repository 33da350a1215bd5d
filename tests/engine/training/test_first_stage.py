"""The first network of a cascade: which trainings run, on what, and which are left alone the second time."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
import torch

from common.engine.checkpoints.resume import FREE_SETTINGS
from common.engine.training import FirstStage, OutOfFoldMaps

IMAGES = [f"/data/{name}.png" for name in "abcdef"]
OTHER = {
    "bundle_name": "plain",
    "seed": 0,
    "epochs": 5,
    "learning_rate": 0.1,
    "select_by": "pq_pooled",
    "mlflow": True,
    "patience": 30,
    "num_workers": 0,
    "cache_images": 1000,
}
CASCADE = {
    **{
        "bundle_name": "cascade",
        "seed": 3,
        "epochs": 9,
        "learning_rate": 0.5,
        "only_here": 1,
        "mlflow": False,
        "patience": 30,
        "num_workers": 0,
        "cache_images": 1000,
        "dataset_dir": "runs/there",
    },
    **{
        "intensity": {"_target_": "Scale"},
        "network_def": {"_target_": "Cascade", "first": {"_target_": "First"}},
    },
}


class Lists:
    """Six images, dealt in turn; writing lists only tells what is left out."""

    def fingerprint(self) -> str:
        return "f1"

    def deal_training(self, folds: int) -> dict[str, int]:
        return {image: number % folds for number, image in enumerate(IMAGES)}

    def write_lists(self, folder: Path, *, left_out: Collection[str] = ()) -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "left_out.json").write_text(json.dumps(sorted(left_out)))
        return [str(folder / "set")]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What MONAI was asked to run; each run leaves weights and its settings, as a training does."""
    asked: list[dict[str, Any]] = []

    def run(run_id: str, *, ckpt_dir: str, **options: Any) -> None:
        asked.append({"run_id": run_id, "ckpt_dir": ckpt_dir, **options})
        Path(ckpt_dir).mkdir(parents=True, exist_ok=True)
        torch.save({"weight": torch.zeros(1)}, Path(ckpt_dir) / "model.pt")
        saved = {"ckpt_dir": ckpt_dir, **options}
        (Path(ckpt_dir) / "train.json").write_text(json.dumps(saved))

    monkeypatch.setattr(monai.bundle, "run", run)
    return asked


@pytest.fixture
def other(tmp_path: Path) -> str:
    """The configuration of the first network's own bundle."""
    file = tmp_path / "plain.json"
    file.write_text(json.dumps(OTHER))
    return str(file)


def stage(
    other: str, folder: Path, *, folds: int = 2, epochs: int = 4, resume: bool = False, **changes: Any
) -> FirstStage:
    config = {**CASCADE, **changes}
    options = {"epochs": epochs, "folds": folds, "resume": resume}
    return FirstStage(other, lists=Lists(), ckpt_dir=folder, config=config, **options)


def parts(runs: list[dict[str, Any]]) -> list[str]:
    return [Path(run["ckpt_dir"]).name for run in runs]


def left_out(run: dict[str, Any]) -> set[str]:
    return set(json.loads((Path(run["dataset_dir"]).parent / "left_out.json").read_text()))


@pytest.mark.parametrize("folds", [0, 2, 3])
def test_every_image_is_left_out_once_and_seen_by_the_last(
    folds: int, other: str, runs: list, tmp_path: Path
):
    stage(other, tmp_path, folds=folds).train()
    assert parts(runs) == [*(f"fold_{fold}" for fold in range(folds)), "all"]
    missing = [left_out(run) for run in runs]
    assert missing[-1] == set()
    assert sorted(image for some in missing for image in some) == (IMAGES if folds else [])
    dealt = json.loads((tmp_path / "stage1" / "folds.json").read_text())
    assert all(left_out(runs[fold]) >= {image} for image, fold in dealt.items())


def test_the_cascades_settings_hold_where_the_other_bundle_has_them(other: str, runs: list, tmp_path: Path):
    stage(other, tmp_path, folds=0).train()
    [run] = runs
    assert run["run_id"] == "training" and run["config_file"] == [other]
    assert (run["seed"], run["learning_rate"], run["mlflow"]) == (3, 0.5, False)
    assert run["epochs"] == 4, "stage one has epochs of its own"
    assert "only_here" not in run
    assert run["network_def"] == {"_target_": "First"} and run["intensity"] == {"_target_": "Scale"}
    assert run["bundle_name"] == "cascade_stage1_all"


def test_what_is_finished_is_left_alone(other: str, runs: list, tmp_path: Path):
    stage(other, tmp_path).train(missing=True)
    assert len(runs) == 3
    stage(other, tmp_path).train(missing=True)
    assert len(runs) == 3, "trained again"
    (tmp_path / "stage1" / "fold_1" / "model.pt").unlink()
    stage(other, tmp_path).train(missing=True)
    assert parts(runs)[3:] == ["fold_1"]
    stage(other, tmp_path).train()
    assert len(runs) == 7, "asked for by name, everything begins anew"


def test_another_setting_trains_anew_and_a_cut_training_goes_on(
    other: str, runs: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def cut(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    stage(other, tmp_path, folds=0).train(missing=True)
    stage(other, tmp_path, folds=0, seed=4).train(missing=True)
    assert [run["seed"] for run in runs] == [3, 4]
    assert not any(run["resume"] for run in runs), "another training's weights were continued"
    with monkeypatch.context() as patch:
        patch.setattr(monai.bundle, "run", cut)
        with pytest.raises(KeyboardInterrupt):
            stage(other, tmp_path, folds=0, seed=5).train(missing=True)
    stage(other, tmp_path, folds=0, seed=5).train(missing=True)
    assert runs[-1]["resume"]
    stage(other, tmp_path, folds=0, seed=5).train(missing=True)
    assert len(runs) == 3, "it is finished now"


def test_other_images_train_anew(other: str, runs: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stage(other, tmp_path, folds=0).train(missing=True)
    monkeypatch.setattr(Lists, "fingerprint", lambda self: "f2")
    stage(other, tmp_path, folds=0).train(missing=True)
    assert [run["resume"] for run in runs] == [False, False]


def test_a_cascade_that_is_continued_for_longer_keeps_its_first_stage(other: str, runs: list, tmp_path: Path):
    stage(other, tmp_path, folds=0).train(missing=True)
    stage(other, tmp_path, folds=0, epochs=40, resume=True).train(missing=True)
    assert len(runs) == 1
    stage(other, tmp_path, folds=0, epochs=40).train(missing=True)
    assert len(runs) == 2, "begun anew, more epochs are another first stage"


CHANGED = {"mlflow": True, "patience": 60, "num_workers": 2, "cache_images": 5, "dataset_dir": "moved"}


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_what_a_continued_training_may_change_keeps_its_first_stage(
    name: str, other: str, runs: list, tmp_path: Path
):
    stage(other, tmp_path).train(missing=True)
    stage(other, tmp_path, resume=True, **{name: CHANGED[name]}).train(missing=True)
    assert len(runs) == 3, "trained again"


def test_no_setting_that_stage_one_is_told_is_forgotten_above(other: str, runs: list, tmp_path: Path):
    stage(other, tmp_path, folds=0).train()
    told = json.loads((tmp_path / "stage1" / "all" / "begun_as.json").read_text())
    assert FREE_SETTINGS & told.keys() == CHANGED.keys() | {"epochs", "ckpt_dir", "pretrained"}


@pytest.mark.parametrize("change", [{"seed": 4}, {"learning_rate": 0.1}, {"fold": 1}])
def test_a_continued_training_refuses_another_setting_and_loses_nothing(
    change: dict[str, Any], other: str, runs: list, tmp_path: Path
):
    stage(other, tmp_path).train(missing=True)
    [name] = change
    with pytest.raises(
        ValueError, match=f"cannot continue stage one in .*fold_0: {name} was .* give the same"
    ):
        stage(other, tmp_path, resume=True, **change).train(missing=True)
    assert len(runs) == 3 and (tmp_path / "stage1" / "fold_0" / "model.pt").is_file()


def test_a_moved_data_set_keeps_its_first_stage(
    other: str, runs: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stage(other, tmp_path).train(missing=True)
    moved = [image.replace("/data/", "/elsewhere/of/data/") for image in IMAGES]
    monkeypatch.setitem(globals(), "IMAGES", moved)
    stage(other, tmp_path, resume=True).train(missing=True)
    assert len(runs) == 3
    assert list(json.loads((tmp_path / "stage1" / "folds.json").read_text())) == moved


def test_all_is_trained_anew_where_other_images_are_tested(other: str, runs: list, tmp_path: Path):
    """It leaves out none of the training images, but those are others."""
    stage(other, tmp_path, folds=0, fold=0).train(missing=True)
    stage(other, tmp_path, folds=0, fold=1).train(missing=True)
    assert len(runs) == 2


@pytest.mark.parametrize("cut_at", [0, 1, 2])
def test_folds_dealt_anew_never_stand_beside_networks_of_the_old(
    cut_at: int, other: str, runs: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whichever training is cut, the second network refuses to begin."""
    stage(other, tmp_path).train(missing=True)
    monkeypatch.setattr(
        Lists,
        "deal_training",
        lambda self, folds: {image: (n // 3) % folds for n, image in enumerate(IMAGES)},
    )
    run = monai.bundle.run

    def cut(*args: Any, **options: Any) -> None:
        if len(runs) == 3 + cut_at:
            raise KeyboardInterrupt
        run(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(monai.bundle, "run", cut)
        with pytest.raises(KeyboardInterrupt):
            stage(other, tmp_path, split_seed=1).train(missing=True)
    cascade = torch.nn.Module()
    cascade.first = torch.nn.Linear(1, 1, bias=False)
    maps = OutOfFoldMaps(cascade, ckpt_dir=tmp_path, folds=2)
    with pytest.raises((ValueError, FileNotFoundError), match="stage one .* run training"):
        maps({}, "cpu")
    stage(other, tmp_path, split_seed=1).train(missing=True)
    assert parts(runs[3:]) == ["fold_0", "fold_1", "all"]
    assert [left_out(each) for each in runs[3:5]] == [set(IMAGES[:3]), set(IMAGES[3:])]


def test_pretrained_weights_of_a_cascade_begin_its_first_network(other: str, runs: list, tmp_path: Path):
    file = tmp_path / "cascade.pt"
    torch.save({"first.a.weight": torch.ones(2), "second.b.weight": torch.zeros(2)}, file)
    stage(other, tmp_path, folds=0, pretrained=str(file)).train()
    weights = torch.load(runs[0]["pretrained"], weights_only=True)
    assert list(weights) == ["a.weight"] and weights["a.weight"].tolist() == [1, 1]


@pytest.mark.parametrize("source", [None, "imagenet"])
def test_weights_of_imagenet_are_for_the_second_network(
    source: str | None, other: str, runs: list, tmp_path: Path
):
    stage(other, tmp_path, folds=0, pretrained=source).train()
    assert runs[0]["pretrained"] is None


@pytest.mark.parametrize(("name", "value"), [("folds", 1), ("folds", -2), ("folds", True), ("epochs", 0)])
def test_impossible_numbers_are_refused_by_their_option(name: str, value: Any, other: str, tmp_path: Path):
    with pytest.raises(ValueError, match=f"--stage1_{name} must be a whole number"):
        stage(other, tmp_path, **{name: value})


def test_device_and_augmentation_are_those_of_the_cascade(other: str, runs: list, tmp_path: Path):
    changes = {"device": "cpu", "augmentation_ranges": {"zoom": [1, 1]}}
    stage(other, tmp_path, folds=0, **changes).train()
    assert {name: runs[0].get(name) for name in changes} == changes
