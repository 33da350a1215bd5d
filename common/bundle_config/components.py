"""The classes and functions that a configuration names, the same however their names are written."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from pydoc import locate
from typing import Any

__all__ = ["completed", "in_this_package"]

# A packed bundle carries this package under another name.
_PACKAGE = __name__.rsplit(".", 2)[0]
# They have rooms of the same names as ours: monai.networks, torch.nn.
_FOREIGN = ("monai", "torch")


@cache
def _rooms() -> frozenset[str]:
    package = locate(_PACKAGE)
    return frozenset(module.name for module in pkgutil.iter_modules(getattr(package, "__path__", [])))


@cache
def _here(target: str) -> str:
    """Return the name that a class or function of this project has in this package; others stay."""
    parts = target.split(".")
    if target.startswith(f"{_PACKAGE}.") or parts[0] in _FOREIGN:
        return target
    for position, part in enumerate(parts[1:], 1):
        if part in _rooms():
            name = ".".join((_PACKAGE, *parts[position:]))
            return name if locate(name) is not None else target
    return target


def in_this_package(config: Any) -> Any:
    """Return a configuration whose components of this project are named as this package names them.

    A packed bundle carries the project under the bundle's own name, which the settings that its training
    saves have too.

    Args:
        config: a configuration, or part of one.

    Example:
        >>> in_this_package({"_target_": "other_bundle.common.decoders.ComponentsDecoder", "grow_px": 0})
        {'_target_': 'common.decoders.ComponentsDecoder', 'grow_px': 0}
        >>> in_this_package({"_target_": "monai.networks.nets.UNet"})
        {'_target_': 'monai.networks.nets.UNet'}
    """
    if isinstance(config, Mapping):
        return {
            key: _here(value) if key == "_target_" and isinstance(value, str) else in_this_package(value)
            for key, value in config.items()
        }
    return [in_this_package(value) for value in config] if isinstance(config, (list, tuple)) else config


def completed(config: Any) -> Any:
    """Return a configuration with the defaults of its components, so that writing one is no difference.

    Args:
        config: a configuration, or part of one.

    Example:
        >>> short = completed({"_target_": "torch.nn.Dropout"})
        >>> short == completed({"_target_": "torch.nn.modules.dropout.Dropout", "inplace": False, "p": 0.5})
        True
    """
    if isinstance(config, (list, tuple)):
        return [completed(value) for value in config]
    if not isinstance(config, Mapping):
        return config
    given = {key: completed(value) for key, value in config.items()}
    target = locate(_here(str(config["_target_"]))) if "_target_" in config else None
    if not callable(target):
        return given
    # First, so that of two other networks it is what a sentence names.
    given = {**given, "_target_": f"{target.__module__}.{getattr(target, '__qualname__', '')}"}
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):  # some that are written in C do not tell
        return given
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    return {"_target_": given["_target_"], **defaults, **given}
