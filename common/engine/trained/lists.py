"""Refuses to test weights on images that they were trained on, because the lists were made otherwise then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...bundle_config import first_difference, shown
from .settings import trained_settings

__all__ = ["check_trained_lists"]

# What decides which images are trained on and which are tested.
_NAMES = ("test_platform", "fold", "folds", "split_seed")


def check_trained_lists(weights: str | Path, config: Mapping[str, Any] | None) -> None:
    """Compare how the lists of a data set are made with how they were made for the training.

    The test list of another fold holds images that these weights have seen: its scores would be too good,
    without a word.

    Args:
        weights: file of weights; without ``train.json`` beside it there is nothing to compare.
        config: the configuration that is executed; one without lists, and another data set, pass.

    Raises:
        ValueError: naming the setting, both values and the options that make them equal.
    """
    trained = trained_settings(weights)
    if config is None or not {"dataset_dir", *_NAMES} <= trained.keys() & config.keys():
        return
    if _folders(trained["dataset_dir"]) != _folders(config["dataset_dir"]):
        return
    then, now = (_choice(each) for each in (trained, config))
    found = first_difference(then, now)
    if found is None:
        return
    name, before, after = found
    options = " ".join(f"--{key} {value}" for key, value in then.items() if now.get(key) != value)
    raise ValueError(
        f"{weights} was trained with {name} {shown(before)} on this data set, which is now {shown(after)}, so"
        f" that it may have seen these images: {f'add {options}' if options else f'leave --{name} out'}"
    )


def _choice(config: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: config[name] for name in _NAMES}
    if chosen["fold"] is None:
        del chosen["folds"]
    return {name: value for name, value in chosen.items() if value is not None}


def _folders(dataset_dir: Any) -> list[str]:
    several = dataset_dir if isinstance(dataset_dir, (list, tuple)) else [dataset_dir]
    return sorted(os.path.abspath(str(folder)) for folder in several)
