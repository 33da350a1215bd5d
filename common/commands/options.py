"""Checks of what was typed: misspelt options, overlays that change nothing, values that cannot work.

``monai.bundle run`` adds a misspelt ``--epoch 5`` to the configuration without a word and trains with the
default.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import monai.bundle
from monai.bundle import ConfigParser

from ..running_config import running_command, running_config

__all__ = ["check_options", "check_overlays", "check_scalars", "nearest", "refuse_unknown"]

# name: (whole number?, lowest allowed value, is the lowest itself allowed?)
_LIMITS: dict[str, tuple[bool, float, bool]] = {
    "epochs": (True, 1, True),
    "batch_size": (True, 1, True),
    "val_interval": (True, 1, True),
    "num_workers": (True, 0, True),
    "seed": (True, 0, True),
    "learning_rate": (False, 0, False),
}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a misspelt one, or None if none is.

    Example:
        >>> nearest("epoch", ["epochs", "seed"])
        'epochs'
        >>> nearest("colour", ["epochs", "seed"]) is None
        True
    """
    names = {word.lower(): word for word in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def _root(key: str) -> str:
    # "a::b", "a#b" and "+a" all change the top-level item a.
    return re.split(r"::|#|=", key.lstrip("+"), maxsplit=1)[0]


def refuse_unknown(options: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that does not exist, and name the nearest one that does.

    Args:
        options: the names that were typed, without dashes; "a::b" and "a#b" stand for a.
        known: the names that exist.

    Raises:
        ValueError: for the first unknown option.

    Example:
        >>> refuse_unknown(["epoch"], ["epochs", "seed"])
        Traceback (most recent call last):
        ValueError: unknown option --epoch: did you mean --epochs?
    """
    known = list(known)
    for option in options:
        root = _root(option)
        if root in known:
            continue
        near = nearest(root, known)
        choices = sorted(name for name in known if not name.startswith("_"))
        hint = f"did you mean --{near}?" if near else f"the options are {', '.join(choices)}"
        raise ValueError(f"unknown option --{root}: {hint}")


def check_overlays(config_files: list[str]) -> None:
    """Refuse an overlay file that sets something which the first configuration file does not have.

    Args:
        config_files: the bundle's own file, then the overlays.

    Raises:
        ValueError: for the first such key; the sentence names file, key and the nearest key that exists.
    """
    if len(config_files) < 2:
        return
    known = list(ConfigParser.load_config_file(config_files[0]))
    for file in config_files[1:]:
        for key in ConfigParser.load_config_file(file):
            if (root := _root(key)) not in known:
                near = nearest(root, known)
                hint = f"did you mean {near!r}?" if near else "remove it from the overlay"
                raise ValueError(f"{file} sets {root!r}, which {config_files[0]} does not have: {hint}")


def check_scalars(config: Mapping[str, Any]) -> None:
    """Refuse values of the common settings that cannot work, before anything is built.

    Args:
        config: settings by name; other names, None and MONAI expressions are left alone.

    Raises:
        ValueError: naming the option, the value and what it has to be.

    Example:
        >>> check_scalars({"epochs": 0})
        Traceback (most recent call last):
        ValueError: --epochs must be a whole number of at least 1, not 0
    """
    for name, (whole, lowest, included) in _LIMITS.items():
        value = config.get(name)
        if value is None or (isinstance(value, str) and value.startswith(("$", "@", "%"))):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        good = is_number and (value >= lowest if included else value > lowest)
        if not good or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            bound = f"of at least {lowest:g}" if included else f"above {lowest:g}"
            raise ValueError(f"--{name} must be {kind} {bound}, not {value!r}")


def _check_paths(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        is_path = name.endswith(("_dir", "_file", "_path")) or name == "weights"
        if is_path and isinstance(value, str) and ("#" in value or "::" in value):
            raise ValueError(
                f"--{name} {value} cannot be used, because MONAI reads '#' and '::' as something else:"
                " rename the folder or file"
            )


def _is_bundle_command() -> bool:
    # The interpreter itself was started as "python -m monai.bundle": everybody else calls from Python.
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name in ("monai.bundle", "monai.bundle.__main__")


def check_options() -> None:
    """Refuse misspelt options, idle overlays and impossible values of the running ``monai.bundle run``.

    To be called from a configuration's ``initialize``. Names are checked only where a person typed them: from
    Python, and in MONAI Label, adding an item to a configuration is legitimate.

    Raises:
        ValueError: one sentence that names the option, the bad value and the mend.
    """
    command = running_command()
    if command is not None and _is_bundle_command():
        known = {*inspect.signature(monai.bundle.run).parameters, ConfigParser.meta_key} - {"override"}
        for file in command["config_files"][:1]:
            known.update(ConfigParser.load_config_file(file))
        refuse_unknown(command["options"], known)
        check_overlays(command["config_files"])
        _check_paths(command["options"])
    check_scalars(running_config() or {})
