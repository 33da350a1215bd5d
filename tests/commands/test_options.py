"""Tests of the checks of what was typed."""

from __future__ import annotations

import json

import pytest

from common.commands import check_options, check_overlays, check_scalars, nearest, refuse_unknown

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


def test_every_name_is_nearest_to_itself():
    assert all(nearest(name, KNOWN) == name for name in KNOWN)


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
    ],
)
def test_impossible_values_are_named(config):
    (name, value), *_ = config.items()
    with pytest.raises(ValueError, match=f"^--{name} must be .* not {value!r}$"):
        check_scalars(config)


def test_possible_values_expressions_and_other_names_pass():
    check_scalars({"epochs": 1, "batch_size": 1, "learning_rate": 1e-9, "num_workers": 0, "seed": 0})
    check_scalars({"epochs": "$2 * 3", "batch_size": "@other", "learning_rate": None, "words": "ten"})


def test_nothing_is_checked_outside_a_bundle():
    check_options()
