"""Images and label maps as .npy files, which a peer's environment can read whatever is installed there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datalists import pixel_size_of
from ..files import write_whole
from ..readers import ChannelChoice, read_image, read_labels
from ..readers.dataset_json import Item, known_of

__all__ = ["image_of", "write_arrays"]


def image_of(item: Item, channels: ChannelChoice) -> np.ndarray:
    """Read an image of a list as a bundle's loader does, with its values as stored.

    Args:
        item: {"image": file, ...}.
        channels: which channels.

    Shapes:
        returns: (C, H, W).
    """
    path = Path(item["image"])
    return read_image(path, channels=channels, channel_names=known_of(path).get("channels")).pixels


def write_arrays(
    items: Sequence[Item], folder: Path, *, channels: ChannelChoice = None, labels: bool = True
) -> list[dict[str, Any]]:
    """Write the images of a list, and their label maps; those that are there already stay.

    Args:
        items: the list.
        folder: where to.
        channels: which channels.
        labels: whether to write the label maps too.

    Returns:
        For each {"image": file, "label": file, "channels": their number, "pixel_size_um": None where it is
        not known}.

    Shapes:
        image: (H, W) where it has one channel, else (H, W, C).
        label: (H, W), int32.
    """
    written = []
    for number, item in enumerate(items):
        image, label = folder / f"{number:05d}_image.npy", folder / f"{number:05d}_label.npy"
        if not image.is_file():
            pixels = image_of(item, channels)
            plane = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)
            _save(image, np.ascontiguousarray(plane))
        if labels and not label.is_file():
            _save(label, read_labels(item["label"]).astype(np.int32))
        shape = np.load(image, mmap_mode="r").shape
        one: dict[str, Any] = {"image": str(image.absolute()), "channels": 1 if len(shape) == 2 else shape[2]}
        one["pixel_size_um"] = pixel_size_of(item)
        written.append(one | ({"label": str(label.absolute())} if labels else {}))
    return written


def _save(file: Path, array: np.ndarray) -> None:
    write_whole(file, lambda part: np.save(part, array))
