"""What a bundle's metadata.json must say, and how many channels it says that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .json_file import read_json
from .network_maps import describe_maps

__all__ = ["channels_described", "check_described", "check_metadata"]

METADATA = (
    *("schema", "version", "changelog", "monai_version", "pytorch_version", "numpy_version", "name", "task"),
    *("required_packages_version", "description", "authors", "copyright", "network_data_format"),
)


def check_metadata(file: Path) -> tuple[int, int]:
    """Look metadata through.

    Args:
        file: a metadata.json.

    Returns:
        How many channels the network takes, and how many maps it puts out.

    Raises:
        ValueError: for the first fault.
    """
    content = read_json(file)
    for key in METADATA:
        if key not in content:
            raise ValueError(f"{file.as_posix()}: {key} is missing")
    if content["version"] not in content["changelog"]:
        raise ValueError(f"{file.as_posix()}: changelog: says nothing about version {content['version']}")
    numbers = []
    for side, name in (("inputs", "image"), ("outputs", "pred")):
        place = f"network_data_format::{side}::{name}"
        described = content["network_data_format"].get(side, {}).get(name)
        if not isinstance(described, dict):
            raise ValueError(f"{file.as_posix()}: {place} is missing")
        for key in ("num_channels", "channel_def", "spatial_shape", "dtype"):
            if key not in described:
                raise ValueError(f"{file.as_posix()}: {place}::{key} is missing")
        count, names = described["num_channels"], described["channel_def"]
        if len(names) != count:
            raise ValueError(
                f"{file.as_posix()}: {place}::channel_def names {len(names)} channels, "
                f"num_channels is {count}"
            )
        numbers.append(int(count))
    return numbers[0], numbers[1]


def channels_described(words: Sequence[str]) -> dict[str, Any]:
    """Return number and names of channels as metadata has them.

    Args:
        words: a text a channel.

    Example:
        >>> channels_described(["red", "green"])
        {'num_channels': 2, 'channel_def': {'0': 'red', '1': 'green'}}
    """
    return {"num_channels": len(words), "channel_def": {str(place): word for place, word in enumerate(words)}}


def check_described(file: Path, train: Mapping[str, Any]) -> None:
    """Look whether metadata call a network's maps what its training makes them.

    Args:
        file: a metadata.json, as `check_metadata` finds it in order.
        train: the bundle's train.json, macros resolved.

    Raises:
        ValueError: for the first map of another meaning.
    """
    maps = describe_maps(train)
    described = read_json(file)["network_data_format"]["outputs"]["pred"]["channel_def"].values()
    # Their number is held against what the network really puts out.
    for number, (ours, theirs) in enumerate(zip(maps or (), described, strict=False)):
        if ours != theirs:
            raise ValueError(
                f"{file.as_posix()}: network_data_format::outputs::pred::channel_def: map {number} is"
                f" {ours!r} by targets and loss, not {theirs!r}: run python -m scripts.check"
                f" {file.parents[1].name} --mend"
            )
