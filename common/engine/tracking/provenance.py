"""Where a run comes from: its command, the state of the code."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

from ...bundle_config import running_command, variant
from ..training.next_steps import quoted

__all__ = ["TAGS_VARIABLE", "code_tags", "command_line", "given_tags"]

TAGS_VARIABLE = "NUCLEI_RUN_TAGS"
"""Variable by which a program that starts trainings gives their runs tags, such as the run they belong to."""


def command_line() -> str:
    """Return what was typed, as near as it can be told."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is None:
        return " ".join(map(quoted, sys.argv))
    module = spec.name.removesuffix(".__main__")
    return " ".join(["python -m", module, *map(quoted, sys.argv[1:])])


def _git(*words: str) -> str | None:
    # The repository is where the code is; the current folder may be somebody else's repository.
    try:
        done = subprocess.run(
            ["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def code_tags() -> dict[str, str]:
    """Return tags that tell the variant of the bundle, the command, the user and the git commit.

    A commit with "+dirty" has been changed since; without git or a repository there is no such tag.
    """
    command = running_command()
    files = command["config_files"] if command else []
    tags = {"variant": variant(files), "command": command_line()[:5000], "mlflow.source.type": "LOCAL"}
    if files:
        tags["mlflow.source.name"] = files[0]
    with contextlib.suppress(KeyError, OSError):  # a container's user need not have a name
        tags["mlflow.user"] = getpass.getuser()
    if commit := _git("rev-parse", "HEAD"):
        changed = _git("status", "--porcelain", "--untracked-files=no")
        tags["git_commit"] = commit + ("+dirty" if changed else "")
        tags["mlflow.source.git.commit"] = commit
    return tags


def given_tags() -> dict[str, str]:
    """Return the tags that whoever started this program wants its runs to have, a JSON object in a variable.

    MLflow shows a run with the tag `mlflow.parentRunId` below that run.

    Raises:
        ValueError: if the variable holds something else.
    """
    text = os.environ.get(TAGS_VARIABLE, "").strip()
    if not text:
        return {}
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, dict):
        raise ValueError(
            f'{TAGS_VARIABLE} is {text[:60]!r}: give a JSON object of tags, such as {{"who": "me"}},'
            " or unset it"
        )
    return {str(name): str(value) for name, value in tags.items()}
