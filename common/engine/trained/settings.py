"""What a training used holds for evaluation and inference: taken, unless the user says otherwise, or refused.

| setting | without an option | an option that says otherwise |
|---|---|---|
| channels, label_keys, intensity, decoder (tuned, where it was), inferer | the training's | wins |
| sam_weights, where SAM is part of the method | the training's | wins: another place of the same weights |
| pixel_size_um; scale or diameter_px | the training's | wins |
| network_def | the training's | refused: the weights are of that network |
| dataset_dir, where lists are made | the training's, if it is there | wins; other data have their own lists |
| fold, folds, test_platform, split_seed | the training's, on any of its data | refused: it saw these images |
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...bundle_config import completed, first_difference, in_this_package, shown
from .tuned import tuned_decoder

__all__ = [
    "check_trained_settings",
    "overruled_settings",
    "settings_to_take",
    "shared_folders",
    "trained_settings",
]

_METHOD = (
    *("network_def", "sam_weights", "channels", "label_keys", "intensity", "decoder", "inferer"),
    "pixel_size_um",
)
# Each of the two says how images are resized; the third is what the second is compared with.
_SIZES, _MODEL_SIZE = ("scale", "diameter_px"), "model_diameter_px"
# What decides which images are trained on and which are tested.
_LISTS = ("test_platform", "fold", "folds", "split_seed")

Settings = Mapping[str, Any]


def trained_settings(weights: str | Path) -> dict[str, Any]:
    """Return the configuration in the ``train.json`` beside a file of weights; empty where there is none.

    The decoder is the one that was tuned for them, where one was.

    Classes and functions of this project have the names of this package, whichever they were saved with.

    Args:
        weights: the file of weights, which need not exist.
    """
    path = Path(weights).with_name("train.json")
    if not path.is_file():
        return {}
    settings = json.loads(path.read_text(encoding="utf-8"))
    if (decoder := tuned_decoder(weights)) is not None:
        settings["decoder"] = decoder
    return dict(in_this_package(settings))


def settings_to_take(trained: Settings, config: Settings, given: Collection[str] = ()) -> dict[str, Any]:
    """Return the settings of a training that a configuration has otherwise, without the user's wish.

    Args:
        trained: the settings of the training.
        config: the configuration that is executed.
        given: names of the settings that the user gave.

    Example:
        >>> settings_to_take({"channels": "DAPI", "seed": 3}, {"channels": 0, "seed": 0})
        {'channels': 'DAPI'}
        >>> settings_to_take({"channels": "DAPI"}, {"channels": 1}, given={"channels"})
        {}
    """
    names = list(_METHOD)
    if not set(given) & set(_SIZES):
        names += _SIZES
    taken = {
        name: trained[name]
        for name in names
        if name in trained.keys() & config.keys() - set(given) and _difference(name, trained, config)
    }
    if {**config, **taken}.get("diameter_px") is not None and _MODEL_SIZE not in given:
        wanted = trained.get(_MODEL_SIZE)
        if wanted is not None and wanted != config.get(_MODEL_SIZE):
            taken[_MODEL_SIZE] = wanted
    return taken | (_lists_to_take(trained, config, given) if _has_lists(trained, config) else {})


def overruled_settings(trained: Settings, config: Settings, given: Collection[str]) -> dict[str, Any]:
    """Return the settings of a training instead of which the user's own are used.

    Args:
        trained: the settings of the training.
        config: the configuration that is executed.
        given: names of the settings that the user gave.
    """
    names = [name for name in (*_METHOD, *_SIZES) if name in given and name in trained.keys() & config.keys()]
    return {name: trained[name] for name in names if _difference(name, trained, config)}


def check_trained_settings(weights: str | Path, config: Settings, given: Collection[str] = ()) -> None:
    """Refuse a configuration that runs weights otherwise than they were trained.

    A network with a switch may have weights of the same names and shapes either way, the test list of
    another fold holds images that the weights have seen, other channels show something else: each would be
    wrong without a word.

    Args:
        weights: file of weights; without ``train.json`` beside it there is nothing to compare.
        config: the configuration that is executed, with what was taken from the training.
        given: names of the settings that the user gave.

    Raises:
        ValueError: naming the setting, both values and the mend.
    """
    trained = trained_settings(weights)
    overruled = overruled_settings(trained, config, given)
    if "network_def" in overruled and (found := _difference("network_def", trained, config)):
        raise ValueError(
            f"{_was(weights, *found)}: leave network_def out, so that it is the training's, or name other"
            " --weights"
        )
    if _has_lists(trained, config) and shared_folders(trained, config):
        _check_lists(weights, trained, config)
    for name in settings_to_take(trained, config, given):
        found = _difference(name, trained, config) or (name, trained[name], config.get(name))
        raise ValueError(
            f"{_was(weights, *found)}: start with the bundle's command (run or evaluating), which takes the"
            f" training's, or set {name} before anything is built"
        )


def _was(weights: str | Path, name: str, before: Any, now: Any) -> str:
    return f"{weights} was trained with {name} {shown(before)}, which is now {shown(now)}"


def _difference(name: str, trained: Settings, config: Settings) -> tuple[str, Any, Any] | None:
    return first_difference(completed(trained[name]), completed(config[name]), name)


def _has_lists(trained: Settings, config: Settings) -> bool:
    return {"dataset_dir", *_LISTS} <= trained.keys() & config.keys()


def shared_folders(trained: Settings, config: Settings) -> set[str]:
    """Return the data sets' folders that two configurations both name in `dataset_dir`.

    Each data set is dealt by itself: of one that they share a training has seen the same images, whichever
    others stood beside it.

    Args:
        trained: the settings of the training.
        config: the configuration that is executed.

    Example:
        >>> shared_folders({"dataset_dir": ["/a", "/b"]}, {"dataset_dir": "/b/"}) == {os.path.abspath("/b")}
        True
    """
    return set(_folders(trained)) & set(_folders(config))


def _folders(config: Settings) -> list[str]:
    named = config["dataset_dir"]
    several = named if isinstance(named, (list, tuple)) else [named]
    return sorted(os.path.abspath(str(folder)) for folder in several)


def _lists_to_take(trained: Settings, config: Settings, given: Collection[str]) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    if _folders(trained) != _folders(config):
        # Released weights may come from data that only their maker has.
        if "dataset_dir" not in given and all(map(os.path.isdir, _folders(trained))):
            taken["dataset_dir"] = trained["dataset_dir"]
        elif not shared_folders(trained, config):
            return {}
    then = _choice(trained)
    names = [name for name in _LISTS if name not in given and (name in then or name != "folds")]
    return taken | {name: trained[name] for name in names if trained[name] != config[name]}


def _choice(config: Settings) -> dict[str, Any]:
    """Return what chooses the lists: without a fold the number of folds does not matter."""
    chosen = {name: config[name] for name in _LISTS}
    if chosen["fold"] is None:
        del chosen["folds"]
    return {name: value for name, value in chosen.items() if value is not None}


def _check_lists(weights: str | Path, trained: Settings, config: Settings) -> None:
    then, now = _choice(trained), _choice(config)
    found = first_difference(then, now)
    if found is None:
        return
    options = " ".join(f"--{key} {value}" for key, value in then.items() if now.get(key) != value)
    raise ValueError(
        f"{_was(weights, *found)}, so that it may have seen these images:"
        f" {f'add {options}' if options else f'leave --{found[0]} out'}"
    )
