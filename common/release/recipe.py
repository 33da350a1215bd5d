"""What a bundle's released weights are trained on, and on which lists they are scored: configs/release.json.

The file is an overlay of the training, with one item more, which the training does not look at:

    "release": {
        "data": ["dsb2018_fluo", "e2f_multiplex"],
        "scored": [["dsb2018_fluo", "test"], ["e2f_multiplex", "test"]],
        "licence": "Apache-2.0",
        "begun_from": {"bundle": "logsage", "version": "0.2.0", "sha256": "...", "processor_seconds": 3600}
    }

The last one stands where the overlay's `pretrained` is released weights: whose they were, and what they took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundle_config import read_json
from ..messages import suggest

__all__ = ["LICENCES", "Beginning", "Recipe", "read_recipe"]

_PARTS = ("data", "scored", "licence")
_ITEMS = (*_PARTS, "begun_from")
_BEGINNING = ("bundle", "version", "sha256", "processor_seconds")
_SPLITS = ("validation", "test")
LICENCES = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
}
"""Licences that weights are released under, and their text."""


@dataclass(frozen=True)
class Beginning:
    """The released weights that a training began with."""

    bundle: str
    """Whose they were."""
    version: str
    """Of that bundle."""
    sha256: str
    """Of their file, which a later release replaces."""
    processor_seconds: float
    """What their own training took."""


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
    begun_from: Beginning | None = None
    """What the training begins with; None: random weights."""


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
        if name not in _ITEMS:
            raise ValueError(f"{place}::{name} is none of its items: {suggest(name, _ITEMS)}")
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
    lists = tuple((name, split) for name, split in scored)
    return Recipe(bundle, file, tuple(data), lists, licence, _beginning(content.get("begun_from"), place))


def _beginning(content: Any, place: str) -> Beginning | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or sorted(content) != sorted(_BEGINNING):
        raise ValueError(f"{place}::begun_from must have {', '.join(_BEGINNING)}, not {content!r}")
    return Beginning(**content)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)


def _is_list_of_data(pair: Any) -> bool:
    return _are_words(pair) and len(pair) == 2 and pair[1] in _SPLITS
