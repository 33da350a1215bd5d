"""How far nuclei reach from their centres: what the receptive field of a network is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import ModelScale
from ..readers import read_labels
from ..readers.dataset_json import Item
from .pixel_sizes import pixel_size_of

__all__ = ["nucleus_reaches", "reaches_of_list"]


def nucleus_reaches(label_map: np.ndarray) -> np.ndarray:
    """Return for each nucleus the distance from its centroid to the farthest of its pixels.

    It is the radius of the disc around the centre that holds the nucleus whole: of a long nucleus half the
    length, where the circle of the same area would be too small.

    Args:
        label_map: 0 = background.

    Shapes:
        label_map: (h, w), integers.
        returns: (n,), in pixels, in the order of the labels; a nucleus of one pixel has 0.

    Example:
        >>> nucleus_reaches(np.array([[3, 3, 3, 0, 1]])).tolist()
        [0.0, 1.0]
    """
    rows, columns = np.nonzero(label_map)
    _, number = np.unique(label_map[rows, columns], return_inverse=True)
    count = np.bincount(number)
    centres = [np.bincount(number, weights=axis) / count for axis in (rows, columns)]
    reaches = np.zeros(len(count))
    np.maximum.at(reaches, number, np.hypot(rows - centres[0][number], columns - centres[1][number]))
    return reaches


def reaches_of_list(items: Sequence[Item], model_scale: ModelScale) -> list[np.ndarray]:
    """Return `nucleus_reaches` of every image of a list, in pixels as the network sees them.

    Args:
        items: a data list with labels.
        model_scale: how the images are resized before the network.
    """
    found = []
    for item in items:
        size = None if model_scale.pixel_size_um is None else pixel_size_of(item)
        factor = model_scale.factor(size, name=item["image"])
        found.append(factor * nucleus_reaches(read_labels(item["label"])))
    return found
