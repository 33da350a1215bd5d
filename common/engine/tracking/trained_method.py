"""What was evaluated, as tags of its run: trainings that differ in seed and fold alone have the same key."""

from __future__ import annotations

import hashlib
import json
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


def method_tags(weights: str | Path, bundle_root: str | Path | None = None) -> dict[str, str]:
    """Return what is known of the training whose weights are evaluated.

    Args:
        weights: the file of weights, with the training's settings beside it.
        bundle_root: folder of the bundle, whose own settings need not be told.

    Returns:
        "seed"; "changes", the settings in words that are not the bundle's own; "method_key", a short text
        that changes with the settings but not with seed, fold and place; "budget", how long was trained.
        Empty where nothing is known.
    """
    trained = as_json(trained_settings(weights))
    if not isinstance(trained, Mapping) or not trained:
        return {}
    names = [name for name in trained if name not in NO_CHANGE | _SAME_METHOD and not name.startswith("_")]
    text = json.dumps({name: trained[name] for name in names}, sort_keys=True, default=str)
    key = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    own = _own_settings(bundle_root)
    told = [name for name in names if name in own and name not in _BUDGET]
    changed = [name for name in told if first_difference(own[name], trained[name])]
    words = ", ".join(setting_in_words(name, trained[name]) for name in changed)
    tags = {"seed": str(trained.get("seed", "")), "changes": words, "method_key": key}
    if trained.keys() >= _BUDGET.keys():
        tags["budget"] = " of ".join(f"{trained[name]}{unit}" for name, unit in _BUDGET.items())
    return tags


def _own_settings(bundle_root: str | Path | None) -> Mapping[str, Any]:
    if bundle_root is None or not (Path(bundle_root) / "configs" / "train.json").is_file():
        return {}
    own = as_json(bundle_parser(Path(bundle_root), "train.json").get())
    return own if isinstance(own, Mapping) else {}
