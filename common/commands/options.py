"""Checks of what was typed: misspelt options, overlays that change nothing, values that cannot work.

``monai.bundle run`` adds a misspelt ``--epoch 5`` to the configuration without a word and trains with the
default.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import monai.bundle
from monai.bundle import ConfigParser

from ..bundle_config import check_pretrained_source, running_command, running_config
from ..messages import nearest, suggest

__all__ = [
    "check_folders",
    "check_options",
    "check_overlays",
    "check_paths",
    "check_run_id",
    "check_scalars",
    "is_bundle_command",
    "refuse_unknown",
]

# name: (whole number?, lowest allowed value, is the lowest itself allowed?)
_LIMITS: dict[str, tuple[bool, float, bool]] = {
    "epochs": (True, 1, True),
    "steps_per_epoch": (True, 1, True),
    "batch_size": (True, 1, True),
    "crop_px": (True, 1, True),
    "val_interval": (True, 1, True),
    "patience": (True, 1, True),
    "warmup_epochs": (False, 0, True),
    "num_workers": (True, 0, True),
    "cache_images": (True, 0, True),
    "seed": (True, 0, True),
    "split_seed": (True, 0, True),
    "fold": (True, 0, True),
    "folds": (True, 3, True),
    "dataset_power": (False, 0, True),
    "learning_rate": (False, 0, False),
    "weight_decay": (False, 0, True),
    "ema_decay": (False, 0, True),
    "accumulation_steps": (True, 1, True),
    "clip_norm": (False, 0, True),
    "freeze_encoder_epochs": (True, 0, True),
    "encoder_learning_rate_factor": (False, 0, False),
    "pixel_size_um": (False, 0, False),
    "scale": (False, 0, False),
    "diameter_px": (False, 0, False),
    "model_diameter_px": (False, 0, False),
}
# Words that stand for a number.
_WORDS = {"pixel_size_um": ("ignore",)}
# A command line makes True and False of these words alone; "false" would be a text, and a text is true.
_SWITCHES = ("amp", "overlay", "resume")


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
        if value in _WORDS.get(name, ()):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        good = is_number and (value >= lowest if included else value > lowest)
        if not good or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            bound = f"of at least {lowest:g}" if included else f"above {lowest:g}"
            raise ValueError(f"--{name} must be {kind} {bound}, not {value!r}")
    for name in _SWITCHES:
        value = config.get(name)
        if isinstance(value, str) and not value.startswith(("$", "@", "%")):
            raise ValueError(f"--{name} must be True or False, not {value!r}")
    _check_crop(config.get("crop_px"), config.get("inferer"))


def _check_crop(crop_px: Any, inferer: Any) -> None:
    # Images are padded to what the network divides by, crops are not.
    divisor = inferer.get("divisor") if isinstance(inferer, Mapping) else None
    if isinstance(divisor, int) and isinstance(crop_px, (int, float)) and crop_px % divisor:
        lower = int(crop_px // divisor * divisor)
        choices = f"{lower} or {lower + divisor}" if lower else f"{divisor}"
        raise ValueError(
            f"--crop_px must be a multiple of {divisor} (try {choices}) for this network, not {crop_px}"
        )


def _each(value: Any) -> list[Any]:
    # --dataset_dir takes one folder or several.
    return list(value) if isinstance(value, (list, tuple)) else [value]


def check_paths(options: Mapping[str, Any]) -> None:
    """Refuse folders and files that the command line or MONAI would read as something else.

    Args:
        options: what was typed, by name; other options are left alone.

    Raises:
        ValueError: naming the option, the value and the mend.
    """
    single = [(name, one) for name, given in options.items() for one in _each(given)]
    for name, value in single:
        is_path = name.endswith(("_dir", "_file", "_path")) or name in ("weights", "pretrained")
        if is_path and isinstance(value, bool):
            raise ValueError(f"--{name} has no value: write the folder or file after it")
        if is_path and isinstance(value, (int, float)):
            raise ValueError(f"--{name} {value} would be read as a number: write it as ./{value}")
        if is_path and isinstance(value, str) and ("#" in value or "::" in value):
            raise ValueError(
                f"--{name} {value} cannot be used, because MONAI reads '#' and '::' as something else:"
                " rename the folder or file"
            )


def cut_at_a_hash(words: list[str]) -> dict[str, str]:
    """Return the options with a "#" in their value; to fire it begins a comment, and "a#b" becomes "a".

    Args:
        words: the command line.

    Example:
        >>> cut_at_a_hash(["run", "--dataset_dir", "a#b", "--seed=3", "--ckpt_dir=c#d"])
        {'ckpt_dir': 'c#d', 'dataset_dir': 'a#b'}
    """
    pairs = [word.split("=", 1) for word in words if "=" in word]
    pairs += [[name, value] for name, value in pairwise(words) if "=" not in name]
    return {name[2:]: value for name, value in pairs if name.startswith("--") and "#" in value}


def _trains(config: Mapping[str, Any], run_id: str) -> bool:
    # A training in stages has a job for each: training_stage1 ...
    return "training" in config and (run_id == "run" or run_id.startswith("training"))


def check_folders(config: Mapping[str, Any], run_id: str) -> None:
    """Refuse a folder that results cannot be written to, before hours are spent on them.

    Args:
        config: settings by name; MONAI expressions are left alone.
        run_id: what is run: a training writes to `ckpt_dir`, everything else to `output_dir`.

    Raises:
        ValueError: naming the option and what is in the way.
    """
    for name in ("ckpt_dir", "output_dir"):
        folder = config.get(name)
        if not isinstance(folder, str) or folder.startswith(("$", "@", "%")):
            continue
        existing = Path(folder).absolute()
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        if not existing.is_dir():
            raise ValueError(
                f"--{name} {folder} cannot be a folder, because {existing} is a file: name another"
            )
        written = name == ("ckpt_dir" if _trains(config, run_id) else "output_dir")
        if written and not os.access(existing, os.W_OK):
            raise ValueError(
                f"--{name} {folder} cannot be written, because {existing} is not yours: name another"
            )


def check_run_id(config: Mapping[str, Any], run_id: str) -> None:
    """Refuse to run what the configuration does not have, before MONAI does without naming the nearest.

    Args:
        config: settings and jobs by name.
        run_id: what is to be run.

    Raises:
        ValueError: naming the nearest job, or all.

    Example:
        >>> check_run_id({"training": ["$1"], "epochs": 3}, "trainig")
        Traceback (most recent call last):
        ValueError: there is nothing called 'trainig' to run: did you mean training?
    """
    if run_id in config or "::" in run_id or "#" in run_id:
        return
    # What can be run is a list of expressions; "initialize" runs by itself.
    jobs = [name for name, value in config.items() if isinstance(value, list) and name != "initialize"]
    jobs = [name for name in jobs if any(str(item).startswith("$") for item in config[name])]
    raise ValueError(f"there is nothing called {run_id!r} to run: {suggest(run_id, jobs)}")


def is_bundle_command() -> bool:
    """Tell whether the interpreter itself was started as ``python -m monai.bundle``.

    Everybody else calls from Python: the process belongs to a host, such as MONAI Label or a notebook.
    """
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name in ("monai.bundle", "monai.bundle.__main__")


def check_options() -> None:
    """Refuse misspelt options, idle overlays and impossible values of the running ``monai.bundle run``.

    To be called from a configuration's ``initialize``. Names are checked only where a person typed them: from
    Python, and in MONAI Label, adding an item to a configuration is legitimate.

    Raises:
        ValueError: one sentence that names the option, the bad value and the mend.
    """
    command, config = running_command(), running_config() or {}
    if command is not None and is_bundle_command():
        known = {*inspect.signature(monai.bundle.run).parameters, ConfigParser.meta_key} - {"override"}
        for file in command["config_files"][:1]:
            known.update(ConfigParser.load_config_file(file))
        refuse_unknown(command["options"], known)
        check_overlays(command["config_files"])
        check_run_id(config, command["run_id"])
        check_paths({**command["options"], **cut_at_a_hash(sys.argv)})
        check_folders(config, command["run_id"])
        if _trains(config, command["run_id"]) and not config.get("resume"):  # which needs no such file
            check_pretrained_source(config.get("pretrained"))
    check_scalars(config)
