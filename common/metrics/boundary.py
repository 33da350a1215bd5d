"""Dice of the dilated boundaries: of the foreground by Canny, and of the single nuclei."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Integer
from scipy import ndimage
from skimage.feature import canny

from ..geometry import outlines
from .ratio import Counts, ratio


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
        true, predicted = _band(outline(truth)), _band(outline(prediction))
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


def _foreground_edges(label_map: Integer[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    # Sigma 1 px, thresholds .1 and .2: scikit-image's defaults. It draws nothing on the outermost pixels, so
    # the foreground goes on for one more; a nucleus that the image cuts has no edge along the cut.
    foreground = np.pad(label_map > 0, 1, mode="edge")
    return canny(foreground.astype(np.float32), mode="nearest")[1:-1, 1:-1]


def _band(lines: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    # The same as a dilation by a square, but one axis after the other: nearly three times as fast.
    return ndimage.maximum_filter(lines, 7, mode="constant")
