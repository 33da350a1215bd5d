"""Impossible values are refused in a sentence that names the option, for every option of every bundle."""

from __future__ import annotations

from typing import Any

import pytest

from common.bundle_config import read_json
from common.commands import check_scalars
from common.commands.options import _is_block

# option: values that cannot work.
WRONG: dict[str, list[Any]] = {
    "epochs": [0, 1.5, "ten", True, float("inf"), 10.0],
    "steps_per_epoch": [0, "x"],
    "batch_size": [-1, 0, "16"],
    "learning_rate": [0, float("nan"), "fast"],
    "warmup_epochs": [-3, "x"],
    "weight_decay": [-0.1, "x"],
    "patience": [0, "x"],
    "val_interval": [0, 0.5],
    "crop_px": [0, "large"],
    "dataset_power": [-1, "equal"],
    "num_workers": [-1, "all"],
    "cache_images": [-1, "all"],
    "seed": [-1, 0.5],
    "split_seed": [-1, "x"],
    "fold": [-1, "first"],
    "folds": [2, "x"],
    "ema_decay": [-0.1, 1, 1.5, "x"],
    "accumulation_steps": [0, "x"],
    "clip_norm": [-1, "x"],
    "freeze_encoder_epochs": [-1, 0.5],
    "encoder_learning_rate_factor": [0, "x"],
    "pixel_size_um": [0, "ignored"],
    "scale": [-1.0, 0, "x"],
    "diameter_px": [0, "x"],
    "model_diameter_px": [0, "big"],
    "amp": ["false", "maybe", 3],
    "mlflow": ["maybe", "no", 2, 0.5],
    "resume": ["yes", 2],
    "overlay": ["no"],
    "recursive": ["yes"],
    "skip_finished": ["no"],
    "table": ["out.csv"],
    "embeddings": ["no"],
    "label_keys": [3, True, "", []],
    "formats": [3, True, "", []],
    "sam_weights": [3, True],
    "sam_cache": [3, True],
    "split": ["train", "val", "", 1, True],
    "select_by": [3, True],
    "channels": [-1, 0.5, True, "", [], [0, -1], {"a": 1}],
    "dataset_dir": [2018, True, "", ["a", 3], []],
    "ckpt_dir": [3, True],
    "output_dir": [3, True],
    "weights": [3, True, ["a.pt"]],
    "pretrained": [True, 0],
    "test_platform": [True, 3],
    "bundle_root": [True],
    "bundle_name": [True, 7],
    "device": ["gpu", True, "cuda:x"],
    "border_weight": [-1, "x"],
    "border_sigma_px": [0, "x"],
    "border_classes": ["equals", 3],
    "stage1_epochs": [0, "x"],
    "stage1_folds": [-1, "x"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_impossible_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^--{name} ") as raised:
        check_scalars({name: value})
    assert repr(value) in str(raised.value) or str(value) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_option_of_every_bundle_is_looked_at_and_its_own_value_passes(repository) -> None:
    configs = sorted(repository.glob("bundles/*/configs/*.json"))
    assert configs
    for file in [each for each in configs if each.stem in ("train", "inference")]:
        config = read_json(file)
        options = {name for name, value in config.items() if not _is_block(value)} | {"device"}
        assert not options - WRONG.keys(), f"{file}: say in option_values.py what their values may be"
        check_scalars(config)


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("split", "train", "did you mean training"),
        ("split", "val", "did you mean validation"),
        ("split", "tset", "did you mean test"),
        ("border_classes", "equals", "did you mean equal"),
        ("diameter_px", "Auto", "a number above 0, or auto, not 'Auto'"),
        ("pixel_size_um", "ignored", "a number above 0, or ignore, not"),
        ("epochs", 1e3, "as a whole number: 1000,"),
        ("device", "gpu", "write cpu, cuda"),
        ("ema_decay", 1, "of at least 0 and below 1,"),
    ],
)
def test_the_mend_is_said(name: str, value: Any, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        check_scalars({name: value})


def test_crops_fit_the_network() -> None:
    check_scalars({"crop_px": 96, "inferer": {"divisor": 32}})
    with pytest.raises(ValueError, match="^--crop_px must be a multiple of 32 .try 96 or 128. .*, not 100$"):
        check_scalars({"crop_px": 100, "inferer": {"divisor": 32}})


@pytest.mark.parametrize(
    "config",
    [
        {"epochs": 1, "batch_size": 1, "learning_rate": 1e-9, "num_workers": 0, "seed": 0},
        {"epochs": "$2 * 3", "batch_size": "@other", "learning_rate": None, "words": "ten"},
        {"pixel_size_um": "ignore", "scale": 0.5, "diameter_px": 40},
        {"diameter_px": "auto"},
        {"channels": "DAPI,CD3", "dataset_dir": ["a", "b"], "device": "cpu", "mlflow": False, "amp": 0},
        {"channels": [0, "CD3"], "split": "validation", "device": None, "weights": None},
    ],
)
def test_possible_values_expressions_and_other_names_pass(config: dict[str, Any]) -> None:
    check_scalars(config)
    with pytest.raises(ValueError, match="^--model_diameter_px must be"):
        check_scalars({**config, "model_diameter_px": 0})  # it is not that everything passes
