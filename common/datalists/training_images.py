"""What the images of a training are like, measured before it begins, to be saved beside the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..geometry import ModelScale
from ..likeness import Ranges, describe_image, training_ranges
from ..readers import ChannelChoice, probe, read_image, read_labels
from ..readers.dataset_json import Item, known_of
from .pixel_sizes import measure_training, pixel_size_of

# Ranges hardly grow after a hundred images, and reading many large ones would take minutes.
_MOST_IMAGES, _FEWEST_IMAGES, _MOST_PIXELS = 100, 10, 60e6  # pixels of every channel


def training_image_ranges(
    items: Sequence[Item], model_scale: ModelScale, *, channels: ChannelChoice = None
) -> Ranges:
    """Describe images of a training and their true nuclei, a hundred at most; see `describe_image`.

    Args:
        items: the training list, with labels.
        model_scale: how the images are resized before the network.
        channels: the choice of channels that the network is trained on.

    Returns:
        Lowest and highest of each number; empty of an empty list.
    """
    described = []
    for item in _some(items):
        path = Path(item["image"])
        image = read_image(path, channels=channels, channel_names=known_of(path).get("channels"))
        size = None if model_scale.pixel_size_um is None else pixel_size_of(item)
        factor = model_scale.factor(size, name=item["image"])
        described.append(describe_image(image.pixels, read_labels(item["label"]), scale=factor))
    return training_ranges(described)


def measure_training_images(
    items: Sequence[Item],
    model_scale: ModelScale,
    *,
    channels: ChannelChoice = None,
    model_diameter_px: float | None = None,
) -> dict[str, Any]:
    """Return all that only the training images tell, to be saved beside the weights by these names.

    Args:
        items: the training list.
        model_scale: how the images are resized before the network.
        channels: the choice of channels that the network is trained on.
        model_diameter_px: the diameter as the user gives it; it is measured where this is None.
    """
    settings = measure_training(items, model_scale, model_diameter_px=model_diameter_px)
    return {**settings, "training_images": training_image_ranges(items, model_scale, channels=channels)}


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """Return images from all over a list, as many as are read in a second or two."""
    if not items:
        return items
    by_pixels = _MOST_PIXELS / math.prod(probe(items[0]["image"]).shape)
    most = int(min(_MOST_IMAGES, max(_FEWEST_IMAGES, by_pixels)))
    return items[:: max(1, math.ceil(len(items) / most))]
