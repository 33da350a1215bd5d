"""Where a packed bundle lies, found while it runs, so that it works from every folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .config_faults import find_slip
from .running_config import running_command, running_home, running_parser

__all__ = ["settle_packed"]

# This package, which a packed bundle has in its own folder under its own name.
_PACKAGE = Path(__file__).resolve().parents[1]
_HERE = "."


def settle_packed() -> None:
    """Let a packed bundle that runs from another folder know its own; the first step of its `initialize`.

    In the repository, and where nobody runs a bundle, nothing happens. A `bundle_root` that was given stays.

    The configuration is looked through: a packed one is nobody's but its user's, who may have edited it.

    Raises:
        ValueError: the configuration names what is not there, in one sentence with file and id.
        RuntimeError: the code in this process is that of another pack of the same bundle.
    """
    home, parser = running_home(), running_parser()
    if home is None or parser is None or not (home / _PACKAGE.name / "__init__.py").is_file():
        return
    own = _PACKAGE.parent
    if home.resolve() != own and _code(home) != _code(own):
        raise RuntimeError(
            f"{home} is another version of the bundle {_PACKAGE.name} than {own}, whose code this process has"
            " loaded already: run the two in processes of their own"
        )
    if parser.get("bundle_root") == _HERE and home.resolve() != Path.cwd().resolve():
        parser["bundle_root"] = str(home)
        parser.parse()  # setting forgets what was parsed, and MONAI is in the middle of a command
    if command := running_command():
        find_slip([Path(file) for file in command["config_files"]])


def _code(folder: Path) -> Any:
    """Return what stands for a pack's code; nothing equals a pack that does not tell."""
    try:
        return json.loads((folder / "packed.json").read_text(encoding="utf-8"))["code_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return folder
