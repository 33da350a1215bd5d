"""Dice of the dilated boundaries: of the foreground by Canny, and of the single nuclei."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Integer

from .canny import canny_edges
from .ratio import Counts, ratio

# A 7 x 7 kernel, as in the paper: 3 px to either side.
_RADIUS_PX = 3


def boundary_counts(truth: Integer[np.ndarray, "h w"], prediction: Integer[np.ndarray, "h w"]) -> Counts:
    """Count the pixels of both boundary bands and of their overlap.

    `boundary_dice` takes the Canny edges of the foreground: it cannot see merged nuclei, since between
    two touching nuclei the foreground has no edge. `boundary_dice_instances` takes the outline of every
    nucleus. Both are dilated by a 7 x 7 square.

    Args:
        truth: true label map.
        prediction: predicted label map.

    Returns:
        Under each name: pixels of the overlap, and the sum of the pixels of the two bands.

    References:
        The 7 x 7 dilation of Canny edges: the ResNet-18 U-Net paper with online hard example mining,
        section "Evaluating the performance on the boundaries".
    """
    counts: Counts = {}
    for name, outline in (("boundary_dice", _foreground_edges), ("boundary_dice_instances", outlines)):
        true, predicted = dilate(outline(truth)), dilate(outline(prediction))
        total = np.count_nonzero(true) + np.count_nonzero(predicted)
        counts[f"{name}_px"] = np.array([np.count_nonzero(true & predicted), total])
    return counts


def boundary_scores(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute both boundary scores; NaN where neither image has any boundary.

    Args:
        counts: of `boundary_counts` and `matching_counts`, of one image or summed over images.
    """
    scores = {}
    for name in ("boundary_dice", "boundary_dice_instances"):
        overlap, total = counts[f"{name}_px"].tolist()
        scores[name] = ratio(2 * overlap, total, counts)
    return scores


def outlines(label_map: Integer[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Find the pixels of nuclei that have a neighbour, up, down, left or right, of another label.

    Args:
        label_map: the label map; the border of the image is no outline.

    Example:
        >>> outlines(np.array([[0, 1, 1, 1, 2]])).tolist()
        [[False, True, False, True, True]]
    """
    outline = np.zeros(label_map.shape, dtype=bool)
    step = label_map[1:] != label_map[:-1]
    outline[1:] |= step
    outline[:-1] |= step
    step = label_map[:, 1:] != label_map[:, :-1]
    outline[:, 1:] |= step
    outline[:, :-1] |= step
    outline &= label_map > 0
    return outline


def dilate(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Dilate a mask by a 7 x 7 square: shifts of 1, 2 and 3 px joined along each axis.

    Args:
        mask: the mask; beyond the image there is nothing.
    """
    height, width = mask.shape
    padded = np.zeros((height + 2 * _RADIUS_PX, width + 2 * _RADIUS_PX), dtype=bool)
    padded[_RADIUS_PX:-_RADIUS_PX, _RADIUS_PX:-_RADIUS_PX] = mask
    two = padded[1:] | padded[:-1]
    four = two[2:] | two[:-2]
    rows = four[3:] | four[:-3]
    two = rows[:, 1:] | rows[:, :-1]
    four = two[:, 2:] | two[:, :-2]
    return four[:, 3:] | four[:, :-3]


def _foreground_edges(label_map: Integer[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    return canny_edges(label_map > 0)
