"""The licence of released weights, with the data that they were trained on: models/LICENSE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..bundle_config import read_json
from .recipe import LICENCES

__all__ = ["licence_text"]


def licence_text(licence: str, folders: Sequence[Path]) -> str:
    """Return the text of models/LICENSE.

    Args:
        licence: a name of `LICENCES`.
        folders: the data sets' folders.
    """
    lines = [
        f"SPDX-License-Identifier: {licence}",
        "",
        f"The weights in model.pt are released under {licence}: {LICENCES[licence]}",
    ]
    if "NC" in licence:
        lines.append("They may not be used commercially, and what is made of them has the same licence.")
    lines += ["", "They were trained on"]
    for folder in folders:
        told = _told_of_data(folder)
        lines.append(f"- {told['name']}: {told['description']}; licence of the data: {told['licence']}")
    return "\n".join([*lines, ""])


def _told_of_data(folder: Path) -> Mapping[str, str]:
    """Return name, description and licence of a data set, as its dataset.json says."""
    content = read_json(folder / "dataset.json")
    name = str(content.get("name", folder.name))
    return {
        "name": name,
        "description": str(content.get("description") or name),
        "licence": str(content.get("licence") or "not stated"),
    }
