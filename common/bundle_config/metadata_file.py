"""What a bundle's metadata.json must say, and how many channels it says that there are."""

from __future__ import annotations

from pathlib import Path

from .json_file import read_json

__all__ = ["check_metadata"]

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
