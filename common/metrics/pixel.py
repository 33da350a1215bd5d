"""Scores of the foreground, pixel by pixel: they cannot see merged nuclei and are never shown alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from .contingency import ContingencyTable
from .ratio import Counts, ratio

PROBABILITY_LEVELS = 1024
"""Steps in which `pixel_ap` reads a probability: counts of a set can be pooled, and nothing is sorted."""


def pixel_counts(table: ContingencyTable) -> Counts:
    """Count the pixels that are foreground in both, one or none of the label maps.

    Args:
        table: contingency table of the two label maps.
    """
    both = table.overlaps_px.sum()
    true, predicted = table.true_areas_px.sum(), table.predicted_areas_px.sum()
    pixels = [both, predicted - both, true - both, table.n_pixels - true - predicted + both]
    return {"pixels": np.array(pixels, dtype=np.int64)}


def probability_counts(
    foreground: Bool[np.ndarray, "h w"], probability: Float[np.ndarray, "h w"] | None
) -> Counts:
    """Count foreground and background pixels at each level of predicted probability.

    Args:
        foreground: true foreground.
        probability: predicted probability of foreground; None counts nothing.

    Returns:
        `levels`: (2, levels), background in the first row.

    Raises:
        ValueError: if a probability is not a number in [0, 1], or the shapes differ.
    """
    if probability is None:
        return {"levels": np.zeros((2, PROBABILITY_LEVELS), dtype=np.int64)}
    if probability.shape != foreground.shape:
        raise ValueError(f"probability has shape {probability.shape}, the label maps {foreground.shape}.")
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0.0 and high <= 1.0):
        raise ValueError(f"probability runs from {low} to {high}: give the map after its sigmoid, in [0, 1].")
    level = (probability * np.float32(PROBABILITY_LEVELS)).astype(np.intp)
    np.minimum(level, PROBABILITY_LEVELS - 1, out=level)
    np.add(level, PROBABILITY_LEVELS, out=level, where=foreground)
    levels = np.bincount(level.ravel(), minlength=2 * PROBABILITY_LEVELS)
    return {"levels": levels.reshape(2, PROBABILITY_LEVELS)}


def pixel_scores(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute Dice, IoU, mIoU, accuracy, precision, recall, F1 and average precision of the foreground.

    `pixel_accuracy` and `miou` also reward the background, so they are not 0 where one label map is
    empty. `pixel_ap` is the step-wise area under the precision-recall curve of the probability, never
    of a hard mask: NaN where no probability was given.

    Args:
        counts: of `pixel_counts`, `probability_counts` and `matching_counts`.
    """
    tp, fp, fn, tn = (float(value) for value in counts["pixels"])
    both_empty = tp + fp + fn == 0
    iou = ratio(tp, tp + fp + fn, counts)
    dice = ratio(2 * tp, 2 * tp + fp + fn, counts)
    background_iou = tn / (tn + fp + fn) if tn + fp + fn else np.nan
    return {
        "dice": dice,
        "iou": iou,
        # An image that is nucleus all over, in both maps, has no background to average in.
        "miou": float(np.nanmean([iou, background_iou])) if not both_empty else np.nan,
        "pixel_accuracy": (tp + tn) / (tp + fp + fn + tn) if not both_empty else np.nan,
        "pixel_precision": ratio(tp, tp + fp, counts),
        "pixel_recall": ratio(tp, tp + fn, counts),
        "pixel_f1": dice,
        "pixel_ap": _average_precision(counts),
    }


def _average_precision(counts: Mapping[str, np.ndarray]) -> float:
    """Sum precision times the step in recall, from the most probable level down."""
    negatives, positives = (np.cumsum(row[::-1]).astype(float) for row in counts["levels"])
    if negatives[-1] + positives[-1] == 0:
        return float(np.nan)
    if positives[-1] == 0:
        return float(np.nan) if counts["n_predicted"] == 0 else 0.0
    steps = np.diff(positives, prepend=0.0) / positives[-1]
    return float(np.sum(steps * positives / np.maximum(positives + negatives, 1.0)))
