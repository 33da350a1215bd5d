"""Refuses to run weights in another network than the one they were trained in, even where the shapes fit."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from pydoc import locate
from typing import Any

from ...bundle_config import as_json, first_difference, shown
from .settings import trained_settings

__all__ = ["check_trained_network"]

# What goes from a training into everything that runs its network.
_METHOD = ("network_def", "decoder", "intensity", "inferer")


def _with_defaults(definition: Any) -> Any:
    """Return a definition with the defaults of its class, so that naming one of them is no difference."""
    target = locate(str(definition.get("_target_"))) if isinstance(definition, Mapping) else None
    if not callable(target):
        return definition
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return definition
    defaults = {name: p.default for name, p in parameters.items() if p.default is not inspect.Parameter.empty}
    return {**defaults, **definition}


def check_trained_network(weights: str | Path, config: Mapping[str, Any] | None) -> None:
    """Compare the network of a configuration with that of the training, saved beside the weights.

    A network with a switch (which input it sees, which order its parts have) may have weights of the same
    names and shapes either way, and be wrong without a word.

    Args:
        weights: file of weights; without ``train.json`` beside it there is nothing to compare.
        config: the configuration that is executed.

    Raises:
        ValueError: naming the setting, both values and the options that make them equal.
    """
    trained = trained_settings(weights)
    if config is None or "network_def" not in trained.keys() & config.keys():
        return
    one, other = (_with_defaults(as_json(each["network_def"])) for each in (trained, config))
    found = first_difference(one, other, "network_def")
    if found is None:
        return
    name, before, now = found
    differing = [key for key in _METHOD if key in config and first_difference(trained.get(key), config[key])]
    path = Path(weights).with_name("train.json").as_posix()
    options = " ".join(f"--{key} %{path}::{key}" for key in differing)
    raise ValueError(
        f"{weights} was trained with {name} {shown(before)}, which is now {shown(now)}:"
        f" add {options}, or name other --weights"
    )
