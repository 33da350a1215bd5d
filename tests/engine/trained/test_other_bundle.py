"""Tests of weights that belong to another bundle than the one that is asked to run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser

from common.engine.trained import load_weights, refuse_other_bundle
from common.engine.trained.other_bundle import fitting_bundle


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    def save(**settings: Any) -> Path:
        (tmp_path / "train.json").write_text(json.dumps(settings))
        (tmp_path / "model.pt").touch()
        return tmp_path / "model.pt"

    return save


@pytest.fixture(autouse=True)
def at_home(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


def network_of(bundle: str) -> torch.nn.Module:
    parser = ConfigParser()
    parser.read_config(f"bundles/{bundle}/configs/train.json")
    return parser.get_parsed_content("network_def")


RESNET = {"bundle_root": "bundles/resnet18_unet", "bundle_name": "resnet18_unet"}


def test_weights_of_another_bundle_are_refused_by_its_name(saved):
    file = saved(**RESNET)
    with pytest.raises(ValueError) as caught:
        refuse_other_bundle(file, "bundles/logsage")
    assert str(caught.value) == (
        f"{file}: these are weights of resnet18_unet, not of logsage:"
        " use --config_file bundles/resnet18_unet/configs/inference.json, or name other --weights"
    )


def test_the_configuration_named_is_of_the_kind_that_was_asked_for(saved):
    file, seen = saved(**RESNET), []

    def refuse(_: Any) -> None:
        with pytest.raises(ValueError) as caught:
            refuse_other_bundle(file, "bundles/logsage")
        seen.append(str(caught.value))

    refuse(None)
    monai.bundle.run(
        "evaluating",
        config_file="bundles/logsage/configs/train.json",
        logging_file=False,
        initialize=[],
        evaluating=["$@refuse(0)"],
        refuse=refuse,
    )
    assert "configs/inference.json" in seen[0] and "bundles/resnet18_unet/configs/train.json" in seen[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"bundle_root": "bundles/logsage", "bundle_name": "logsage"},
        {"bundle_root": "bundles/logsage", "bundle_name": "a label for MLflow"},
        {"bundle_root": "C:\\work\\bundles\\logsage"},
        {"bundle_root": ".", "bundle_name": "logsage"},  # trained in a packed bundle
        {"bundle_root": ".", "bundle_name": None},
        {},
    ],
)
@pytest.mark.parametrize("root", ["bundles/logsage", "logsage", Path("bundles/logsage").resolve(), None])
def test_its_own_weights_are_taken_however_they_are_named(saved, settings, root):
    assert refuse_other_bundle(saved(**settings), root) is None


def test_without_settings_there_is_nothing_to_refuse(tmp_path):
    assert refuse_other_bundle(tmp_path / "model.pt", "bundles/logsage") is None


def test_networks_of_a_first_stage_are_of_the_bundle_that_trained_them(saved):
    file = saved(bundle_root="bundles/weighted_unet", bundle_name="cascaded_unet_stage1_all")
    refuse_other_bundle(file, "bundles/weighted_unet")
    with pytest.raises(ValueError, match="these are weights of weighted_unet, not of cascaded_unet"):
        refuse_other_bundle(file, "bundles/cascaded_unet")


def test_a_bundle_that_is_not_here_is_still_named(saved):
    with pytest.raises(
        ValueError, match="weights of theirs, not of logsage: use the configuration of theirs"
    ):
        refuse_other_bundle(saved(bundle_root="elsewhere/theirs"), "bundles/logsage")


@pytest.mark.parametrize("bundle", sorted(path.name for path in Path("bundles").glob("*")))
def test_weights_without_settings_are_known_by_their_names(bundle):
    assert fitting_bundle(network_of(bundle).state_dict()) == bundle


def test_what_does_not_fit_says_whose_it_is(tmp_path):
    torch.save(network_of("resnet18_unet").state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="these are weights of resnet18_unet: use its config"):
        load_weights(network_of("logsage"), tmp_path / "model.pt")
    torch.save({"weight": torch.zeros(2, 3)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="use the settings it was trained with"):
        load_weights(torch.nn.Linear(3, 2), tmp_path / "model.pt")


def test_an_unfinished_bundle_is_passed_over(tmp_path):
    for name, text in {"a": "{", "b": '{"network_def": {"_target_": "no.Such"}}'}.items():
        (tmp_path / name / "configs").mkdir(parents=True)
        (tmp_path / name / "configs" / "train.json").write_text(text)
    assert fitting_bundle({"weight": torch.zeros(1)}, tmp_path) is None
