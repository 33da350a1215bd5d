"""Checks of what was typed: options and overlays that change nothing, folders, and what is to be run.

``monai.bundle run`` adds a misspelt ``--epoch 5`` to the configuration without a word and trains with the
default.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import monai.bundle
from monai.bundle import ConfigParser

from ..bundle_config import check_pretrained_source, read_json, running_command, running_config
from ..messages import nearest, suggest
from .decoder_channels import check_decoder
from .option_names import meant_by, refuse_unknown, root_of
from .option_values import check_scalars

__all__ = [
    "check_folders",
    "check_options",
    "check_overlays",
    "check_paths",
    "check_run_id",
    "is_bundle_command",
]

# What a training does not read -> what is meant there instead.
_IDLE_IN_TRAINING = {
    "split": "a training takes the lists training and validation by itself: leave it out",
    "weights": "a training begins with other weights by --pretrained FILE, and goes on with --resume",
    "output_dir": "a training writes to --ckpt_dir",
}


def _content(file: str) -> dict[str, Any]:
    # MONAI takes YAML as well.
    return read_json(file) if file.lower().endswith(".json") else ConfigParser.load_config_file(file)


_RECIPE = "release"  # which data, for `scripts.release`: no setting of a training


def check_overlays(config_files: list[str]) -> None:
    """Refuse an overlay file that sets something which the first configuration file does not have.

    Args:
        config_files: the bundle's own file, then the overlays.

    Raises:
        ValueError: for the first such key; the sentence names file, key and the nearest key that exists. Or a
            file is not there or no configuration.
    """
    if len(config_files) < 2:
        return
    known = [*_content(config_files[0]), _RECIPE]
    for file in config_files[1:]:
        for key in _content(file):
            if (root := root_of(key)) not in known:
                near = nearest(root, known)
                hint = f"did you mean {near!r}?" if near else "remove it from the overlay"
                raise ValueError(f"{file} sets {root!r}, which {config_files[0]} does not have: {hint}")


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
        is_path = name.endswith(("_dir", "_file", "_path")) or name in (
            "weights",
            "pretrained",
            "bundle_root",
        )
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
    trains = _trains(config, command["run_id"] if command is not None else "run")
    if command is not None and is_bundle_command():
        options, files, job = command["options"], command["config_files"], command["run_id"]
        own = _content(files[0]) if files else {}
        refuse_unknown(
            options,
            [name for name, value in own.items() if not _is_block(value) or name == "device"],
            accepted={*own, ConfigParser.meta_key, *_own_options_of_monai()},
            avoided=_IDLE_IN_TRAINING if trains else (),
            file=files[0] if files else None,
        )
        _refuse_words_for_blocks(options, own)
        if trains:
            _refuse_idle(options, sys.argv)
        check_overlays(files)
        check_run_id(config, job)
        check_paths({**options, **cut_at_a_hash(sys.argv)})
        check_folders(config, job)
        if trains and not config.get("resume"):  # which needs no such file
            check_pretrained_source(config.get("pretrained"))
        if trains and config.get("diameter_px") == "auto":
            raise ValueError(
                "--diameter_px auto does nothing in a training, whose nuclei are what others are brought to"
                " the size of: give a number of pixels, or leave it out"
            )
    check_scalars(config)
    if trains:
        check_decoder(config)


def _own_options_of_monai() -> set[str]:
    return {*inspect.signature(monai.bundle.run).parameters} - {"override"}


def _is_block(value: Any) -> bool:
    """Tell whether a top-level item is wiring, method or a job rather than an option."""
    if isinstance(value, list):
        return any(isinstance(item, dict) or str(item).startswith("$") for item in value)
    return isinstance(value, dict) or (isinstance(value, str) and value.startswith("%"))


def _refuse_words_for_blocks(options: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse `--data FOLDER`, which would replace the wiring of that name by a word."""
    offered = [name for name, value in own.items() if not _is_block(value)]
    for name, value in options.items():
        expression = isinstance(value, str) and value.startswith(("$", "@", "%"))
        scalar = isinstance(value, (str, int, float)) and not expression
        if name != "device" and scalar and _is_block(own.get(name)):
            meant = meant_by(name, offered)
            hint = f"did you mean --{meant}?" if meant else "write it into an overlay"
            raise ValueError(f"--{name} {value}: {name} is a block of settings, not an option: {hint}")


def _refuse_idle(options: Mapping[str, Any], words: list[str]) -> None:
    # A stage of a training is given the settings of the whole by a program, which nobody typed.
    typed = {word[2:].split("=")[0].replace("-", "_") for word in words if word.startswith("--")}
    for name, value in options.items():
        if name in _IDLE_IN_TRAINING and name in typed and value is not None:
            raise ValueError(f"--{name} {value} does nothing in a training: {_IDLE_IN_TRAINING[name]}")
