"""Tests of the checks of what was typed."""

from __future__ import annotations

import json

import pytest

from common.commands import check_options, check_overlays, check_scalars, options, refuse_unknown
from common.commands.options import check_folders, check_paths, check_run_id

KNOWN = ["epochs", "batch_size", "learning_rate", "network_def", "dataset_dir", "_meta_"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("epoch", "epochs"),
        ("batchsize", "batch_size"),
        ("Learning_Rate", "learning_rate"),
        ("data_dir", "dataset_dir"),
    ],
)
def test_the_nearest_name_is_offered(typed, meant):
    with pytest.raises(ValueError, match=f"^unknown option --{typed}: did you mean --{meant}\\?$"):
        refuse_unknown([typed], KNOWN)


def test_where_none_is_near_all_are_offered():
    with pytest.raises(ValueError, match="the options are batch_size, dataset_dir, epochs"):
        refuse_unknown(["zzz"], KNOWN)


@pytest.mark.parametrize("key", ["epochs", "network_def::depth", "network_def#depth", "+network_def"])
def test_what_exists_is_accepted_deep_keys_too(key):
    refuse_unknown([key], KNOWN)
    root = "epochs" if key == "epochs" else "network_def"
    with pytest.raises(ValueError, match=f"unknown option --{root}"):
        refuse_unknown([key], [name for name in KNOWN if name != root])


def _write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def test_an_overlay_may_only_change_what_there_is(tmp_path):
    base = _write(tmp_path / "train.json", {"epochs": 1, "network_def": {"depth": 2}})
    good = _write(tmp_path / "good.json", {"epochs": 2, "network_def::depth": 3})
    bad = _write(tmp_path / "bad.json", {"epoch": 2})
    check_overlays([base])
    check_overlays([base, good])
    with pytest.raises(
        ValueError, match=r"bad\.json sets 'epoch', which .*train\.json.*did you mean 'epochs'"
    ):
        check_overlays([base, good, bad])


@pytest.mark.parametrize(
    "config",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"epochs": "ten"},
        {"epochs": True},
        {"batch_size": -1},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": "fast"},
        {"num_workers": -1},
        {"pixel_size_um": 0},
        {"pixel_size_um": "ignored"},
        {"scale": -1.0},
        {"diameter_px": 0},
        {"model_diameter_px": "big"},
        {"steps_per_epoch": 0},
        {"patience": "x"},
        {"warmup_epochs": -3},
        {"weight_decay": "x"},
        {"cache_images": "all"},
        {"split_seed": "x"},
        {"fold": -1},
        {"folds": 2},
        {"dataset_power": "equal"},
        {"crop_px": 0},
        {"crop_px": 100, "inferer": {"divisor": 32}},
        {"amp": "false"},
    ],
)
def test_impossible_values_are_named(config):
    (name, value), *_ = config.items()
    with pytest.raises(ValueError, match=f"^--{name} must be .* not {value!r}$"):
        check_scalars(config)


@pytest.mark.parametrize(
    "config",
    [
        {"epochs": 1, "batch_size": 1, "learning_rate": 1e-9, "num_workers": 0, "seed": 0},
        {"epochs": "$2 * 3", "batch_size": "@other", "learning_rate": None, "words": "ten"},
        {"pixel_size_um": "ignore", "scale": 0.5, "diameter_px": 40},
    ],
)
def test_possible_values_expressions_and_other_names_pass(config):
    check_scalars(config)
    with pytest.raises(ValueError, match="^--model_diameter_px must be"):
        check_scalars({**config, "model_diameter_px": 0})  # it is not that everything passes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset_dir": True}, "--dataset_dir has no value: write the folder or file after it"),
        ({"output_dir": 2018}, "--output_dir 2018 would be read as a number: write it as ./2018"),
        ({"weights": "a#b.pt"}, "--weights a#b.pt cannot be used"),
        ({"ckpt_dir": "a::b"}, "--ckpt_dir a::b cannot be used"),
        ({"dataset_dir": ["a", "b#c"]}, "--dataset_dir b#c cannot be used"),
    ],
)
def test_paths_that_would_arrive_as_something_else_are_refused(options, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        check_paths(options)


@pytest.mark.parametrize(
    "options",
    [
        {"dataset_dir": "Zellkerne für Müller", "weights": None, "channels": "a#b", "amp": True},
        {"output_dir": "./2018"},
    ],
)
def test_other_paths_and_options_pass(options):
    check_paths(options)
    with pytest.raises(ValueError, match="^--ckpt_dir a#b cannot be used"):
        check_paths({**options, "ckpt_dir": "a#b"})  # it is not that everything passes


@pytest.mark.parametrize("name", ["ckpt_dir", "output_dir"])
def test_a_file_is_no_folder_for_results_nor_is_anything_in_it(tmp_path, name):
    (tmp_path / "file").touch()
    check_folders({name: str(tmp_path / "new" / "folder")}, "training")
    for folder in (tmp_path / "file", tmp_path / "file" / "deep" / "er"):
        with pytest.raises(ValueError, match=f"^--{name} .* because .*file is a file"):
            check_folders({name: str(folder)}, "training")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("job", ["run", "training", "training_stage1"])
def test_only_the_folder_that_is_written_must_be_writable(job, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    config = {"training": ["$1"], "ckpt_dir": str(tmp_path)}
    check_folders(config, "evaluating")
    with pytest.raises(ValueError, match="^--ckpt_dir .* cannot be written"):
        check_folders(config, job)


@pytest.mark.parametrize("sign", ["$", "@", "%"])
def test_expressions_are_left_alone(sign, monkeypatch):
    """What MONAI makes of them is not known before anything is built."""
    monkeypatch.setattr("os.access", lambda *_: False)
    for check, name in (
        (options.check_scalars, "epochs"),
        (options.check_scalars, "amp"),
        (lambda config: check_folders(config, "run"), "output_dir"),
    ):
        check({name: f"{sign}other"})
        with pytest.raises(ValueError, match=f"^--{name} "):
            check({name: "other"})


def test_what_can_be_run_is_offered():
    config = {"training": ["$1"], "evaluating": ["$2"], "epochs": 3, "initialize": ["$3"]}
    check_run_id(config, "training")
    with pytest.raises(ValueError, match="did you mean training"):
        check_run_id(config, "trainin")
    with pytest.raises(ValueError, match="choose one of training, evaluating$"):
        check_run_id(config, "segment")


@pytest.mark.parametrize(
    ("run_id", "config", "refused"),
    [
        ("training", {}, True),
        ("run", {}, True),
        ("evaluating", {}, False),
        ("training", {"resume": True}, False),
        ("training", {"pretrained": "imagenet"}, False),
        ("training", {"pretrained": None}, False),
    ],
    ids=str,
)
def test_a_training_must_find_what_it_begins_with(run_id, config, refused, monkeypatch):
    jobs = {"training": ["$1"], "evaluating": ["$2"], "run": ["$1"]}
    command = {"options": {}, "config_files": [], "run_id": run_id}
    monkeypatch.setattr(options, "running_command", lambda: command)
    monkeypatch.setattr(options, "running_config", lambda: {**jobs, "pretrained": "imagnet", **config})
    monkeypatch.setattr(options, "is_bundle_command", lambda: True)
    if refused:
        with pytest.raises(FileNotFoundError, match="--pretrained imagnet: did you mean imagenet"):
            check_options()
    else:
        check_options()


def test_outside_a_bundle_there_is_nothing_to_check(monkeypatch):
    seen = []
    monkeypatch.setattr(options, "check_scalars", seen.append)
    check_options()
    assert seen == [{}]


@pytest.mark.parametrize("ours", [True, False])
def test_in_a_host_names_are_not_checked_but_values_are(ours, monkeypatch, tmp_path):
    """From Python, and in MONAI Label, adding an item to a configuration is legitimate."""
    file = _write(tmp_path / "train.json", {"epochs": 1, "training": ["$1"]})
    command = {"options": {"added": 1}, "config_files": [file], "run_id": "training"}
    monkeypatch.setattr(options, "running_command", lambda: command)
    monkeypatch.setattr(options, "running_config", lambda: {"epochs": 0, "training": ["$1"], "added": 1})
    monkeypatch.setattr(options, "is_bundle_command", lambda: ours)
    with pytest.raises(ValueError, match="^unknown option --added" if ours else "^--epochs must be"):
        check_options()
