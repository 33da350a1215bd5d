"""The name of a run: the bundle, and what was changed in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from monai.bundle import ConfigParser

from ...bundle_config import first_difference, given_settings, running_command, variant

__all__ = ["NO_CHANGE", "changes_in_words", "row_name", "run_name", "setting_in_words"]

_LONGEST = 60  # characters; MLflow's lists cut earlier, its pages later
# Where things lie, how they run, and what a run has a column of its own for.
NO_CHANGE = {
    *("dataset_dir", "ckpt_dir", "output_dir", "bundle_root", "bundle_name", "weights", "split"),
    *("mlflow", "resume", "device", "num_workers", "cache_images", "overlay"),
    *("initialize", "finalize", "training", "evaluating", "run"),
    *("data", "hardware", "network", "train", "validate", "evaluate"),
}
# What is evaluated is what is different in an evaluation.
_WEIGHTS = {"weights", "ckpt_dir"}
_SHORT = {
    **{"learning_rate": "lr", "batch_size": "batch", "steps_per_epoch": "steps", "crop_px": "crop"},
    **{"weight_decay": "decay", "warmup_epochs": "warmup", "ema_decay": "ema", "clip_norm": "clip"},
    **{"accumulation_steps": "accumulation", "freeze_encoder_epochs": "freeze", "val_interval": "interval"},
    **{"encoder_learning_rate_factor": "encoder lr", "test_platform": "platform", "split_seed": "split seed"},
    **{"pixel_size_um": "pixel", "diameter_px": "diameter", "dataset_power": "power"},
}


def run_name(bundle: str, job: str, config: Mapping[str, Any] | None = None) -> str:
    """Return the name of a run: `logsage lr 0.001 seed 1`; with the time where nothing was changed.

    Args:
        bundle: name of the bundle.
        job: "training" or something else, which is then part of the name.
        config: the configuration that is executed.

    Returns:
        At most 60 characters, unless the bundle's own name is longer.
    """
    begin = bundle if job == "training" else f"{bundle} {job}"
    changes = changes_in_words(config or {}, evaluation=job != "training")
    if not changes:
        return f"{begin} {time.strftime('%Y-%m-%d %H:%M')}"
    text = begin
    for number, change in enumerate(changes):
        more = "" if number == len(changes) - 1 else " ..."
        if len(f"{text} {change}{more}") > _LONGEST:
            return f"{text} ..."
        text = f"{text} {change}"
    return text


def row_name(row: str, job: str, config: Mapping[str, Any]) -> str:
    """Return the name of a run that belongs to a row of a table, which says what was changed.

    Args:
        row: name of the row.
        job: "training" or something else, which is then part of the name.
        config: the configuration that is executed.

    Example:
        >>> row_name("sigma 9", "training", {"seed": 1}), row_name("Dice", "test", {"seed": 0, "fold": 2})
        ('sigma 9 seed 1', 'test Dice seed 0 fold 2')
    """
    dealt = [f"{name} {config[name]}" for name in ("seed", "fold") if config.get(name) is not None]
    return " ".join([*([] if job == "training" else [job]), row, *dealt])


def changes_in_words(config: Mapping[str, Any], *, evaluation: bool = False) -> list[str]:
    """Return what the user changed in a bundle: its overlays, and the options that differ from its own.

    They come in the configuration's order, so that the same changes have the same words, whatever was typed
    first; parts of blocks (`network_def::sigmas`) come last.

    Args:
        config: the configuration that is executed, as `running_config` returns it.
        evaluation: whether weights are evaluated: then which ones comes first.
    """
    command = running_command()
    if command is None or not command["config_files"]:
        typed = {name: config[name] for name in config if name in given_settings(config)}
        own: Mapping[str, Any] = {}
        overlays = "default"
    else:
        typed, own = command["options"], ConfigParser.load_config_file(command["config_files"][0])
        overlays = variant(command["config_files"])
    order = {name: number for number, name in enumerate(config)} | dict.fromkeys(_WEIGHTS, -1)
    without = NO_CHANGE - _WEIGHTS if evaluation else NO_CHANGE
    known = (name for name in typed if name not in without and not name.startswith("_"))
    names = sorted(known, key=lambda name: (order.get(name, len(order)), name))
    changed = [name for name in names if name not in own or first_difference(own[name], typed[name])]
    return [
        *([] if overlays == "default" else [overlays]),
        *(setting_in_words(name, typed[name]) for name in changed),
    ]


def setting_in_words(name: str, value: Any) -> str:
    """Return a setting as short as a run's name needs it.

    Args:
        name: the setting.
        value: its value.

    Example:
        >>> setting_in_words("learning_rate", 0.001), setting_in_words("amp", False)
        ('lr 0.001', 'no amp')
    """
    short = _SHORT.get(name, name.lstrip("+").replace("#", "::").rsplit("::", 1)[-1].replace("_", " "))
    if not isinstance(value, (str, int, float, list, tuple, type(None))):
        return short  # a block, or an object that a program gave
    if isinstance(value, bool):
        return short if value else f"no {short}"
    if isinstance(value, float):
        return f"{short} {value:g}"
    if isinstance(value, str) and name in ("pretrained", *_WEIGHTS):
        path = PurePath(value.replace("\\", "/"))
        # Files of weights are all called model.pt; their folder tells which.
        value = path.parent.name if path.stem in ("model", "last") and path.parent.name else path.stem
        return f"{'of' if name in _WEIGHTS else short} {value}"
    return f"{short} {value}".replace("'", "")
