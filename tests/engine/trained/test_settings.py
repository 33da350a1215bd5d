"""What of a training is taken, what an option overrules, and what is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.engine.trained.settings import (
    check_trained_settings,
    overruled_settings,
    settings_to_take,
    trained_settings,
)

NET = {"_target_": "common.networks.LoGSAGE", "in_channels": 1, "out_channels": 4, "sigmas": [9]}
METHOD = {
    "network_def": NET,
    "channels": "DAPI",
    "intensity": {"a": 1},
    "decoder": {"b": 2},
    "inferer": {"c": 3},
}
OTHER = {"network_def": {**NET, "sigmas": [5]}, "channels": 0, "intensity": {}, "decoder": {}, "inferer": {}}
SIZE = {"pixel_size_um": None, "scale": 1.0, "diameter_px": None, "model_diameter_px": None}
LISTS = {"dataset_dir": "data/a", "fold": 1, "folds": 5, "split_seed": 0, "test_platform": None}


def weights_of(folder: Path, **settings: Any) -> Path:
    (folder / "train.json").write_text(json.dumps(settings))
    return folder / "model.pt"


@pytest.mark.parametrize("name", METHOD)
def test_each_setting_of_the_method_is_taken_unless_it_is_given(name: str):
    config = {**METHOD, name: OTHER[name], "epochs": 3}
    trained = {**METHOD, "epochs": 5}
    assert settings_to_take(trained, config) == {name: METHOD[name]}
    assert settings_to_take(trained, config, {name}) == {}
    assert overruled_settings(trained, config, {name}) == {name: METHOD[name]}
    assert settings_to_take(trained, {key: config[key] for key in config if key != name}) == {}


@pytest.mark.parametrize(
    ("trained", "config", "given", "taken"),
    [
        ({"pixel_size_um": 0.5}, {}, (), {"pixel_size_um": 0.5}),
        ({"pixel_size_um": 0.5}, {"pixel_size_um": "ignore"}, ("pixel_size_um",), {}),
        ({"scale": 0.5}, {}, (), {"scale": 0.5}),
        ({"scale": 0.5}, {"scale": 2.0}, ("scale",), {}),
        # Both say how images are resized, so that one of them overrules both.
        (
            {"scale": 0.5, "model_diameter_px": 9},
            {"diameter_px": 40},
            ("diameter_px",),
            {"model_diameter_px": 9},
        ),
        ({"diameter_px": 40, "model_diameter_px": 9}, {"scale": 2.0}, ("scale",), {}),
        ({"diameter_px": 40, "model_diameter_px": 9}, {}, (), {"diameter_px": 40, "model_diameter_px": 9}),
        ({"model_diameter_px": 9}, {}, (), {}),
        ({"model_diameter_px": 9}, {"diameter_px": 8, "model_diameter_px": 7}, SIZE, {}),
    ],
)
def test_images_are_resized_as_in_the_training_or_as_the_user_says(trained, config, given, taken):
    assert settings_to_take({**SIZE, **trained}, {**SIZE, **config}, given) == taken


@pytest.mark.parametrize(
    "network",
    [
        {**NET, "use_saliency": True},
        dict(reversed(NET.items())),
        {**NET, "_target_": "common.networks.logsage.LoGSAGE"},
        {**NET, "_target_": "logsage_bundle.common.networks.LoGSAGE"},
        {**NET, "_target_": "logsage_bundle.networks.LoGSAGE"},
    ],
)
def test_the_same_network_passes_however_it_is_written(tmp_path: Path, network: dict):
    for one, other in ((NET, network), (network, NET)):
        weights = weights_of(tmp_path, network_def=one)
        assert settings_to_take(trained_settings(weights), {"network_def": other}) == {}
        check_trained_settings(weights, {"network_def": other}, {"network_def"})


def test_components_of_a_packed_bundle_are_found_in_this_package(tmp_path: Path):
    settings = {
        "intensity": {
            "_target_": "Compose",
            "transforms": [{"_target_": "p.common.transforms.ScalePercentilesd"}],
        },
        "first": {"_target_": "monai.networks.nets.BasicUNet"},
        "elsewhere": {"_target_": "mine.networks.NotOurs"},
    }
    found = trained_settings(weights_of(tmp_path, **settings))
    assert found["intensity"]["transforms"] == [{"_target_": "common.transforms.ScalePercentilesd"}]
    assert {name: found[name] for name in ("first", "elsewhere")} == {
        name: settings[name] for name in ("first", "elsewhere")
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"use_saliency": False},
            "network_def::use_saliency not set|network_def::use_saliency true, .* now false",
        ),
        ({"out_channels": 1}, "network_def::out_channels 4, which is now 1"),
        ({"_target_": "common.networks.ResNet18UNet"}, "network_def::_target_"),
    ],
)
def test_another_network_that_the_user_gave_is_refused(tmp_path: Path, change: dict, words: str):
    weights, config = weights_of(tmp_path, network_def=NET), {"network_def": {**NET, **change}}
    with pytest.raises(ValueError, match=f"({words}).*: leave network_def out.* or name other --weights"):
        check_trained_settings(weights, config, {"network_def"})


@pytest.mark.parametrize("name", METHOD)
def test_what_was_not_taken_is_refused(tmp_path: Path, name: str):
    weights = weights_of(tmp_path, **METHOD)
    with pytest.raises(
        ValueError, match=f"trained with {name}.*start with the bundle's command .* or set {name}"
    ):
        check_trained_settings(weights, {**METHOD, name: OTHER[name]})
    if name != "network_def":
        check_trained_settings(weights, {**METHOD, name: OTHER[name]}, {name})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fold": 2}, "fold 1, which is now 2, .* seen these images: add --fold 1$"),
        ({"fold": None}, "fold 1, which is now not set.*add --fold 1 --folds 5$"),
        ({"folds": 4}, "folds 5, which is now 4.*add --folds 5$"),
        ({"split_seed": 3}, "split_seed 0, which is now 3"),
        ({"test_platform": "confocal"}, "test_platform not set, .* leave --test_platform out$"),
    ],
)
def test_other_lists_are_taken_or_refused_with_the_options_that_help(
    tmp_path: Path, change: dict, words: str
):
    config = {**LISTS, **change}
    taken = settings_to_take(LISTS, config)
    assert {**config, **taken} == LISTS
    with pytest.raises(ValueError, match=words):
        check_trained_settings(weights_of(tmp_path, **LISTS), config, set(change))


def test_the_same_lists_pass(tmp_path: Path):
    def is_refused(trained: dict, config: dict) -> bool:
        try:
            check_trained_settings(weights_of(tmp_path, **trained), config, LISTS)
        except ValueError:
            return True
        return False

    assert not is_refused(LISTS, {**LISTS, "epochs": 3})
    assert not is_refused({**LISTS, "fold": None}, {**LISTS, "fold": None, "folds": 3})
    assert is_refused(LISTS, {**LISTS, "folds": LISTS["folds"] + 1})


def test_the_data_set_of_the_training_is_taken_where_it_is(tmp_path: Path):
    folder = tmp_path / "data"
    trained, config = {**LISTS, "dataset_dir": str(folder)}, {**LISTS, "fold": None, "dataset_dir": "data/b"}
    assert settings_to_take(trained, config) == {}
    folder.mkdir()
    assert settings_to_take(trained, config) == {"dataset_dir": str(folder), "fold": 1}
    assert settings_to_take(trained, config, {"dataset_dir"}) == {}


def test_another_data_set_and_a_segmentation_have_lists_of_their_own(tmp_path: Path):
    weights = weights_of(tmp_path, **LISTS)
    for config in ({**LISTS, "fold": 2, "dataset_dir": "data/b"}, {"dataset_dir": "data/a", "fold": 2}):
        assert settings_to_take(LISTS, config) == {}
        check_trained_settings(weights, config, config)


def test_the_order_of_several_data_sets_does_not_matter(tmp_path: Path):
    weights = weights_of(tmp_path, **LISTS | {"dataset_dir": ["data/a", "data/b"]})
    config = {**LISTS, "dataset_dir": ["data/b", "data/a"]}
    check_trained_settings(weights, config, LISTS)
    with pytest.raises(ValueError, match="fold"):
        check_trained_settings(weights, {**config, "fold": 0}, LISTS)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["data/a", "data/b"], "data/a"),
        ("data/a", ["data/a", "data/c"]),
        (["data/a", "data/b"], ["data/c", "data/b"]),
    ],
)
def test_one_data_set_in_common_has_the_trainings_lists(tmp_path: Path, before: Any, now: Any):
    trained, other = {**LISTS, "dataset_dir": before}, {**LISTS, "dataset_dir": now, "fold": None}
    weights = weights_of(tmp_path, **trained)
    taken = settings_to_take(trained, other, {"dataset_dir"})
    assert taken == {"fold": 1}, "the user's folders, by the training's fold"
    check_trained_settings(weights, {**other, **taken}, {"dataset_dir"})
    for fold in (None, 2):
        with pytest.raises(ValueError, match=r"fold 1, which is now .*seen these images: add --fold 1"):
            check_trained_settings(weights, {**other, "fold": fold}, {"dataset_dir", "fold"})
    as_listed = weights_of(tmp_path, **{**trained, "fold": None})
    check_trained_settings(as_listed, other, {"dataset_dir"})
    with pytest.raises(ValueError, match=r"seen these images: leave --fold out"):
        check_trained_settings(as_listed, {**other, "fold": 0}, {"dataset_dir", "fold"})


def test_the_bundles_own_data_give_way_to_the_trainings_even_if_they_are_part_of_them(tmp_path: Path):
    folders = [str(tmp_path / name) for name in ("a", "b")]
    trained, config = {**LISTS, "dataset_dir": folders}, {**LISTS, "fold": None, "dataset_dir": folders[0]}
    assert settings_to_take(trained, config) == {"fold": 1}, "one of them is not there"
    for folder in folders:
        Path(folder).mkdir()
    assert settings_to_take(trained, config) == {"dataset_dir": folders, "fold": 1}


def test_weights_without_settings_say_nothing(tmp_path: Path):
    assert trained_settings(tmp_path / "model.pt") == {}
    check_trained_settings(tmp_path / "model.pt", {**METHOD, **LISTS, **SIZE}, METHOD)
