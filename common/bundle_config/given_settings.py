"""Which settings of the executed bundle the user gave, by an option, an overlay or a program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from .running_config import running_command
from .settings_difference import first_difference

__all__ = ["given_settings"]


def _root(key: str) -> str:
    # "a::b", "a#b" and "+a" all change the top-level item a.
    return re.split(r"::|#", key.lstrip("+"), maxsplit=1)[0]


def _content(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    parser = ConfigParser()
    parser.read_config(str(file))
    parser.resolve_macro_and_relative_ids()
    return dict(parser.get())


def given_settings(config: Mapping[str, Any]) -> set[str]:
    """Return the top-level settings that are the user's own choice rather than the bundle's.

    What is typed after ``monai.bundle run``, or stands in an overlay, is a choice whatever its value. A
    program gives options without leaving their names: there every value is one that differs from that in
    the bundle's own file.

    Args:
        config: the configuration that is executed, as `running_config` returns it.
    """
    command = running_command()
    if command is not None and command["config_files"]:
        own, *overlays = (Path(file) for file in command["config_files"])
        typed = [*command["options"], *(key for file in overlays for key in _content(file))]
    else:
        own = Path(str(config.get("bundle_root"))) / "configs"
        own /= "train.json" if "training" in config else "inference.json"
        typed = []
    before = _content(own)
    changed = (name for name in before.keys() & config.keys() if first_difference(before[name], config[name]))
    return {*map(_root, typed), *changed}
