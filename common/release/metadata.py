"""A bundle's metadata after a release: version, changelog, scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .scores import ListScores

__all__ = ["next_version", "released_metadata"]

_NUMBER = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def next_version(version: str) -> str:
    """Return the version of a release that adds something.

    Args:
        version: the present one.

    Raises:
        ValueError: if it is none.

    Example:
        >>> next_version("0.1.4")
        '0.2.0'
    """
    major, minor, _ = _numbers(version)
    return f"{major}.{minor + 1}.0"


def released_metadata(
    metadata: Mapping[str, Any], version: str, data: Sequence[str], scores: Sequence[ListScores]
) -> dict[str, Any]:
    """Return a bundle's metadata with a release.

    Args:
        metadata: what metadata.json holds.
        version: of the release.
        data: names of the data sets that its weights were trained on.
        scores: what its weights reach.

    Raises:
        ValueError: if the version is none, or lower than the present one.
    """
    if _numbers(version) < _numbers(str(metadata["version"])):
        raise ValueError(f"version {version} is lower than {metadata['version']}: give a higher --version")
    found = {each.title: dict(each.scores) for each in scores}
    names = ", ".join(data)
    return {
        **metadata,
        "version": version,
        "changelog": {version: f"weights trained on {names}, with tuned decoder", **metadata["changelog"]},
        "data_source": f"the weights were trained on {names}, see models/LICENSE",
        "eval_metrics": found,
    }


def _numbers(version: str) -> tuple[int, int, int]:
    found = _NUMBER.fullmatch(version)
    if found is None:
        raise ValueError(f"version {version!r} must be three numbers, such as 0.2.0")
    return int(found[1]), int(found[2]), int(found[3])
