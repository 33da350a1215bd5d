"""The bundle configuration that is being executed right now, found from inside the objects that it builds.

A tracking handler must note every setting of the run, and the executed configuration is saved beside the
weights. MONAI hands neither the parser nor the command's arguments to what it instantiates, and a copy
written by hand into every ``train.json`` would drift. MONAI builds and runs everything from within
``ConfigParser.get_parsed_content``, so the parser is always among the callers: this module looks there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from monai.bundle import ConfigParser

__all__ = [
    "running_command",
    "running_config",
    "running_home",
    "running_parser",
    "top_level_scalars",
    "variant",
]

# Strings that MONAI evaluates, refers or includes: they are wiring, not settings.
_WIRING = ("$", "@", "%")


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _copied(value: Any) -> Any:
    # Only the containers: values given from Python may be networks or data sets, which must not be
    # duplicated.
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value


def running_parser() -> ConfigParser | None:
    """Return the parser of the MONAI bundle that is executing the caller, the nearest of several.

    Returns:
        The parser itself: what changes in it changes in the run. None where no bundle is being executed.
    """
    for frame in _callers():
        # Only methods of the parser: a local variable that merely holds a parser executes nothing.
        parser = frame.f_locals.get("self")
        if isinstance(parser, ConfigParser):
            return parser
    return None


def running_config() -> dict[str, Any] | None:
    """Return the configuration of the MONAI bundle that is executing the caller.

    It is what MONAI executes: overlay files and command-line options applied, macros expanded, expressions
    and references still written as text. The nearest parser among the callers wins, and the copy is the
    caller's own.

    Returns:
        The configuration without its metadata, or None where no bundle is being executed.

    Example:
        >>> from monai.bundle import ConfigParser
        >>> parser = ConfigParser(
        ...     {"epochs": 3, "seen": {"_target_": "common.bundle_config.running_config"}},
        ... )
        >>> parser.get_parsed_content("seen")["epochs"]
        3
        >>> running_config() is None
        True
    """
    parser = running_parser()
    config = None if parser is None else parser.get()
    if not isinstance(config, Mapping):
        return None
    return {key: _copied(value) for key, value in config.items() if key != ConfigParser.meta_key}


def running_command() -> dict[str, Any] | None:
    """Return the arguments of the ``monai.bundle.run`` that is executing the caller.

    Returns:
        ``config_files`` (list of file names, first the bundle's own), ``options`` (the settings given by
        name) and ``run_id`` (what is run), or None where the bundle was not started by ``monai.bundle.run``.
    """
    for frame in _callers():
        if frame.f_code.co_name != "run" or frame.f_globals.get("__name__") != "monai.bundle.scripts":
            continue
        given = frame.f_locals
        options: dict[str, Any] = {}
        if given.get("args_file"):
            options.update(ConfigParser.load_config_file(given["args_file"]))
        options.update(given.get("override") or {})
        files = given.get("config_file") or options.pop("config_file", None) or []
        run_id = given.get("run_id") or options.pop("run_id", None) or "run"
        files = [files] if isinstance(files, str) else list(files)
        return {"config_files": [str(file) for file in files], "options": options, "run_id": run_id}
    return None


def running_home() -> Path | None:
    """Return the folder of the MONAI bundle that is executing the caller: that around its `configs`.

    Returns:
        The folder; None where no workflow of MONAI's is among the callers, as in MONAI Label.
    """
    for frame in _callers():
        # Not by getattr: a parser answers to every name.
        place = getattr(frame.f_locals.get("self"), "__dict__", {}).get("config_root_path")
        if isinstance(place, Path):
            return place.absolute().parent if place.name == "configs" else place.absolute()
    return None


def top_level_scalars(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a configuration: its top-level numbers, switches, words and flat lists of these.

    Expressions, references and macros are wiring and are left out, as are names that begin with an
    underscore.

    Args:
        config: a configuration as `running_config` returns it.

    Returns:
        The settings by name, in the order of the configuration.

    Example:
        >>> top_level_scalars({"epochs": 3, "tile": [9, 9], "network": {"depth": 4}, "device": "$choose()"})
        {'epochs': 3, 'tile': [9, 9]}
    """

    def is_scalar(value: Any) -> bool:
        if isinstance(value, str):
            return not value.startswith(_WIRING)
        return value is None or isinstance(value, (bool, int, float))

    def is_setting(value: Any) -> bool:
        return all(map(is_scalar, value)) if isinstance(value, (list, tuple)) else is_scalar(value)

    return {key: value for key, value in config.items() if not key.startswith("_") and is_setting(value)}


def variant(config_files: list[str]) -> str:
    """Return which variant of a bundle a list of configuration files makes.

    Args:
        config_files: the bundle's own file first, then the overlays.

    Returns:
        "default" without an overlay, else the names of the overlays joined by "+".

    Example:
        >>> variant(["bundles/logsage/configs/train.json"])
        'default'
        >>> variant(["configs/train.json", "configs/as_published.json", "configs/ablations/no_log.json"])
        'as_published+no_log'
    """
    names = [file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0] for file in config_files[1:]]
    return "+".join(names) or "default"
