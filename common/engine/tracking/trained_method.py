"""What was evaluated, as tags of its run: trainings that differ in seed and fold alone have the same key."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...bundle_config import as_json, bundle_parser, first_difference
from ..trained import trained_settings
from .run_name import NO_CHANGE, setting_in_words

__all__ = ["AS_LISTED", "lists_in_words", "method_tags"]

AS_LISTED = "as listed"
_BUDGET = {"epochs": " epochs", "steps_per_epoch": " steps", "batch_size": " crops"}
# Which images, and what is only measured of them; which random start.
_SAME_METHOD = {
    *("seed", "fold", "folds", "test_platform", "split_seed"),
    *("model_diameter_px", "training_images"),
}


def lists_in_words(config: Mapping[str, Any]) -> str:
    """Return which lists of the data set a run uses.

    Example:
        >>> lists_in_words({"fold": None, "folds": 5}), lists_in_words({"fold": 0, "folds": 5})
        ('as listed', 'fold 0 of 5')
        >>> lists_in_words({"test_platform": "confocal"})
        'platform confocal'
    """
    if config.get("fold") is not None:
        return f"fold {config['fold']} of {config.get('folds', 5)}"
    if config.get("test_platform") is not None:
        return f"platform {config['test_platform']}"
    return AS_LISTED


def method_tags(
    weights: str | Path,
    bundle_root: str | Path | None = None,
    *,
    dataset_dir: Any = None,
    data: str | None = None,
) -> dict[str, str]:
    """Return what is known of the training whose weights are evaluated.

    Args:
        weights: the file of weights, with the training's settings beside it.
        bundle_root: folder of the bundle, whose own settings need not be told.
        dataset_dir: folder, or folders, of the images that are evaluated.
        data: the name of their data set, of several the names joined by "+".

    Returns:
        "seed"; "changes", the settings in words that are not the bundle's own, and the data of the training
        where they are not the evaluated ones; "method_key", a short text that changes with both but not with
        seed, fold and place; "budget", how long was trained. Empty where nothing is known. A data set is
        known by its folder's name: elsewhere it is the same, and released settings tell no more.
    """
    trained = as_json(trained_settings(weights))
    if not isinstance(trained, Mapping) or not trained:
        return {}
    names = [name for name in trained if name not in NO_CHANGE | _SAME_METHOD and not name.startswith("_")]
    other_data = _other_data(trained.get("dataset_dir"), dataset_dir, data)
    # Only where they are others, so that keys from before stay.
    hashed = {name: trained[name] for name in names} | ({"trained_on": other_data} if other_data else {})
    text = json.dumps(hashed, sort_keys=True, default=str)
    key = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    own = _own_settings(bundle_root)
    told = [name for name in names if name in own and name not in _BUDGET]
    changed = [name for name in told if first_difference(own[name], trained[name])]
    words = [setting_in_words(name, trained[name]) for name in changed]
    words += [f"trained on {' and '.join(other_data)}"] if other_data else []
    tags = {"seed": str(trained.get("seed", "")), "changes": ", ".join(words), "method_key": key}
    if trained.keys() >= _BUDGET.keys():
        tags["budget"] = " of ".join(f"{trained[name]}{unit}" for name, unit in _BUDGET.items())
    return tags


def _other_data(trained_on: Any, dataset_dir: Any, data: str | None) -> list[str]:
    """Return the names of a training's data, empty where they are the evaluated ones or are not known."""
    names = _folder_names(trained_on)
    # Its name in dataset.json counts too: a folder may have been renamed to it, or from it.
    evaluated = [_folder_names(dataset_dir), sorted(data.split("+")) if data else []]
    return [] if names in evaluated or not any(evaluated) else names


def _folder_names(dataset_dir: Any) -> list[str]:
    several = dataset_dir if isinstance(dataset_dir, (list, tuple)) else [dataset_dir]
    folders = [str(each).replace("\\", "/") for each in several if isinstance(each, (str, Path))]
    return sorted(os.path.basename(os.path.abspath(folder)) for folder in folders)


def _own_settings(bundle_root: str | Path | None) -> Mapping[str, Any]:
    if bundle_root is None or not (Path(bundle_root) / "configs" / "train.json").is_file():
        return {}
    own = as_json(bundle_parser(Path(bundle_root), "train.json").get())
    return own if isinstance(own, Mapping) else {}
