"""What a bundle's released weights are trained on, and on which lists they are scored: configs/release.json.

The file is an overlay of the training, with one item more, which the training does not look at:

    "release": {
        "data": ["dsb2018_fluo", "e2f_multiplex"],
        "scored": [["dsb2018_fluo", "test"], ["e2f_multiplex", "test"]],
        "licence": "Apache-2.0"
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundle_config import read_json
from ..messages import suggest

__all__ = ["LICENCES", "Recipe", "read_recipe"]

_PARTS = ("data", "scored", "licence")
_SPLITS = ("validation", "test")
LICENCES = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
}
"""Licences that weights are released under, and their text."""


@dataclass(frozen=True)
class Recipe:
    """How a bundle's weights are made for release."""

    bundle: Path
    """The bundle's folder."""
    overlay: Path
    """The file, which the training takes as an overlay."""
    data: tuple[str, ...]
    """Names of the data sets that are trained on, folders of one folder."""
    scored: tuple[tuple[str, str], ...]
    """Data set and list, "validation" or "test", that are scored afterwards."""
    licence: str
    """SPDX name of the weights' licence."""


def read_recipe(bundle: Path) -> Recipe:
    """Read a bundle's recipe.

    Args:
        bundle: the bundle's folder.

    Raises:
        FileNotFoundError: if the bundle has none.
        ValueError: for what is wrong with it.
    """
    file = bundle / "configs" / "release.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"{bundle.name} has no recipe for a release, {file.as_posix()}: write one as others have it"
        )
    content = read_json(file).get("release")
    place = f"{file.as_posix()}: release"
    if not isinstance(content, Mapping):
        raise ValueError(f"{place} is missing: it says data, scored and licence")
    for name in content:
        if name not in _PARTS:
            raise ValueError(f"{place}::{name} is none of its items: {suggest(name, _PARTS)}")
    for name in _PARTS:
        if name not in content:
            raise ValueError(f"{place}::{name} is missing")
    data, scored, licence = (content[name] for name in _PARTS)
    if not _are_words(data) or len(set(data)) < len(data):
        raise ValueError(f"{place}::data must name data sets, once each, not {data!r}")
    if not isinstance(scored, list) or not scored or not all(map(_is_list_of_data, scored)):
        raise ValueError(f'{place}::scored must be pairs such as ["dsb2018_fluo", "test"], not {scored!r}')
    if licence not in LICENCES:
        raise ValueError(f"{place}::licence {licence!r} is not known: {suggest(str(licence), [*LICENCES])}")
    return Recipe(bundle, file, tuple(data), tuple((name, split) for name, split in scored), licence)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)


def _is_list_of_data(pair: Any) -> bool:
    return _are_words(pair) and len(pair) == 2 and pair[1] in _SPLITS
