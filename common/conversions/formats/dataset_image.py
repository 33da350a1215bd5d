"""One annotated image on its way into a prepared data set, and the painting of its nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import label

from ...geometry import label_type, largest_pieces
from .pixel_runs import PixelRuns

_PIXELS_AT_ONCE = 2**22


@dataclass(frozen=True)
class DatasetImage:
    """What a reader of a public data set yields for each image.

    Attributes:
        stem: name of the image without suffix, unique in the set.
        image: the pixels, or the path of a file to copy as it is.
        label_map: 0 = background, i = nucleus i.
        extras: what else goes into the image's entry of `dataset.json`, such as "channels".
        classes: class of each nucleus that has one.
        split: "training", "validation" or "test" where the set is published in such lists, else empty.
        fold: number of the published fold, where the set is published in folds, else 0.
        cell_map: 0 = background, i = whole cell i, where the set has whole cells too. Their numbers are not
            those of the nuclei.

    Shapes:
        image: (C, H, W).
        label_map: (H, W), uint16, or uint32 above 65,535 nuclei.
        cell_map: as label_map.
    """

    stem: str
    image: np.ndarray | Path
    label_map: np.ndarray
    extras: dict[str, Any] = field(default_factory=dict)
    classes: dict[int, str] = field(default_factory=dict)
    split: str = ""
    fold: int = 0
    cell_map: np.ndarray | None = None


def paint_nuclei(
    nuclei: Sequence[np.ndarray], shape: tuple[int, int], *, connected: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Paint nuclei into one label map, the bigger first, so that a small one on top of a big one survives.

    Args:
        nuclei: flat pixel indices (row * width + column) of each nucleus.
        shape: height and width.
        connected: keep only the largest part (corners count as contact) of each nucleus.

    Returns:
        The label map, numbered 1 to N in the order given, and for each label the position of its nucleus in
        the list: one without pixels, or wholly covered by smaller ones, is gone.

    Shapes:
        returns: (H, W), uint16, or uint32 above 65,535 nuclei.

    Example:
        >>> paint_nuclei([np.array([0]), np.array([0, 1, 2])], (1, 4))[0].tolist()
        [[1, 2, 2, 0]]
    """
    painted = np.zeros(shape[0] * shape[1], label_type(len(nuclei)))
    for position in np.argsort(-sizes_of(nuclei), kind="stable").tolist():
        painted[nuclei[position]] = position + 1
    if connected:
        numbered, kept = largest_pieces(painted.reshape(shape), connectivity=2)
        return numbered.astype(label_type(len(kept)), copy=False), [int(label) - 1 for label in kept]
    # In parts, because a slide's label map is as large as all that is known of its nuclei.
    there = np.zeros(len(nuclei) + 1, bool)
    parts = range(0, len(painted), _PIXELS_AT_ONCE)
    for start in parts:
        there[painted[start : start + _PIXELS_AT_ONCE]] = True
    there[0] = True
    number = (np.cumsum(there) - 1).astype(painted.dtype)
    for start in parts:
        painted[start : start + _PIXELS_AT_ONCE] = number[painted[start : start + _PIXELS_AT_ONCE]]
    kept = np.flatnonzero(there[1:]).tolist()
    return painted.reshape(shape).astype(label_type(len(kept)), copy=False), kept


def sizes_of(nuclei: Sequence[np.ndarray]) -> np.ndarray:
    """Return the number of pixels of each nucleus, (N,)."""
    if isinstance(nuclei, PixelRuns):
        return nuclei.sizes
    return np.array([pixels.size for pixels in nuclei], np.int64)


def colour_components(pixels: np.ndarray) -> np.ndarray:
    """Number the pieces of one colour each; pieces that touch have different colours, others may share one.

    Args:
        pixels: a picture of nuclei on black, in colours or grey.

    Shapes:
        pixels: (C, H, W), uint8 or uint16.
        returns: (H, W), uint16, or uint32 above 65,535 nuclei; corners count as contact.

    Example:
        >>> colour_components(np.array([[[7, 7, 5, 0, 5]]], np.uint8)).tolist()
        [[1, 1, 2, 0, 3]]
    """
    code = np.zeros(pixels.shape[1:], np.int64)
    for channel in pixels:
        code = code << 16 | channel
    labels = label(code, background=0, connectivity=2)
    return labels.astype(label_type(int(labels.max())))


def pixels_of_nuclei(label_map: np.ndarray) -> dict[int, np.ndarray]:
    """Return the pixels of each nucleus by its number.

    Args:
        label_map: any numbers of 0 or more, 0 = background.

    Shapes:
        label_map: (H, W).
        returns: for each number flat indices row * width + column, ascending.

    Example:
        >>> {number: pixels.tolist() for number, pixels in pixels_of_nuclei(np.array([[9, 0, 9, 4]])).items()}
        {4: [3], 9: [0, 2]}
    """
    order = np.argsort(label_map, axis=None, kind="stable")
    numbers, starts = np.unique(label_map.ravel()[order], return_index=True)
    pieces = np.split(order, starts[1:])
    return {int(number): pixels for number, pixels in zip(numbers, pieces, strict=True) if number}


def classes_by_majority(
    types: np.ndarray, nuclei: Sequence[np.ndarray], names: Sequence[str]
) -> dict[int, str]:
    """Return the class that most pixels of each nucleus have; nuclei without one are left out.

    Args:
        types: 0 = none, i = class `names[i - 1]`.
        nuclei: flat pixel indices of nuclei 1 to N.
        names: of the classes.

    Shapes:
        types: (H, W).

    Example:
        >>> classes_by_majority(np.array([[0, 2, 2, 0]]), [np.array([0, 1, 2]), np.array([3])], ["a", "b"])
        {1: 'b'}
    """
    found = {}
    for number, pixels in enumerate(nuclei, start=1):
        counts = np.bincount(types.ravel()[pixels], minlength=len(names) + 1)
        counts[0] = 0
        if counts.any():
            found[number] = names[int(counts.argmax()) - 1]
    return found
