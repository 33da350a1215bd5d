"""PanNuke's scores: bPQ and mPQ of an image, and their mean over images and over tissues.

Published figures on PanNuke are means over its 19 tissues of the mean over each tissue's images: breast, a
third of all images, then counts as much as any other tissue. An image without a true nucleus has no score,
and neither has a class that no true nucleus of the image belongs to, whatever was predicted there: invented
nuclei are forgiven, which our other scores do not do. A match has an IoU above 0.5.

References:
    Gamper et al., "PanNuke dataset extension, insights and baselines", arXiv:2003.10778, 2020; the rules on
    empty images and classes are those of its evaluation program,
    https://github.com/TissueImageAnalytics/PanNuke-metrics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .classes import score_classes
from .contingency import contingency_table
from .matching import matching_counts, matching_scores


def binary_pq(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Compute the panoptic quality of an image, all nuclei being of one class; NaN without a true nucleus.

    Args:
        truth: true label map.
        prediction: predicted label map.

    Shapes:
        truth, prediction: (H, W), integers >= 0.

    Example:
        >>> nuclei = np.array([[1, 1, 0, 2, 2]])
        >>> round(binary_pq(nuclei, nuclei // 2), 3), binary_pq(0 * nuclei, nuclei)
        (0.667, nan)
    """
    if not np.any(truth):
        return math.nan
    return matching_scores(matching_counts(contingency_table(truth, prediction), iou_rule="gt"))["pq"]


def multi_class_pq(
    truth: np.ndarray,
    prediction: np.ndarray,
    true_classes: Mapping[int, int],
    predicted_classes: Mapping[int, int],
) -> float:
    """Compute the mean over an image's true classes of the panoptic quality of each; NaN without a nucleus.

    Args:
        truth: true label map.
        prediction: predicted label map.
        true_classes: class of each true label.
        predicted_classes: class of each predicted label.

    Shapes:
        truth, prediction: (H, W), integers >= 0.

    Raises:
        ValueError: if a label has no class.

    Example:
        >>> nuclei = np.array([[1, 1, 0, 2, 2]])
        >>> multi_class_pq(nuclei, nuclei, {1: 7, 2: 9}, {1: 7, 2: 8})
        0.5
    """
    there = [int(label) for label in np.unique(truth) if label]
    present = sorted({true_classes[label] for label in there if label in true_classes})
    counts = score_classes(truth, prediction, true_classes, predicted_classes, classes=present, iou_rule="gt")
    return float(np.mean([matching_scores(each)["pq"] for each in counts.values()])) if present else math.nan


def summarize_tissues(name: str, tissues: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    """Average a score over images, and over tissues.

    Args:
        name: of the score, such as "bpq".
        tissues: tissue of each image.
        scores: score of each image, NaN where it has none: means leave it out.

    Returns:
        `<name>_mean` over images, `<name>_tissue_mean`, the mean over tissues of the mean over the images of
        each, and `tissues`: for each its number of images, of those with a score, and its mean. A tissue
        without any score is left out of the mean.

    Raises:
        ValueError: if there is no image, or not a tissue for each.

    Example:
        >>> found = summarize_tissues("bpq", ["Breast", "Breast", "Liver"], [0.2, 0.4, 0.9])
        >>> round(found["bpq_mean"], 3), round(found["bpq_tissue_mean"], 3)
        (0.5, 0.6)
    """
    if not scores or len(tissues) != len(scores):
        raise ValueError(
            f"There are {len(scores)} scores and {len(tissues)} tissues: give one tissue a score."
        )
    by_tissue: dict[str, list[float]] = {tissue: [] for tissue in sorted(set(tissues))}
    for tissue, score in zip(tissues, scores, strict=True):
        by_tissue[tissue].append(score)
    means = {tissue: _mean(values) for tissue, values in by_tissue.items()}
    return {
        f"{name}_mean": _mean(scores),
        f"{name}_tissue_mean": _mean(list(means.values())),
        "tissues": {
            tissue: {
                "n_images": len(values),
                "n_scored": sum(not math.isnan(value) for value in values),
                f"{name}_mean": means[tissue],
            }
            for tissue, values in by_tissue.items()
        },
    }


def _mean(values: Sequence[float]) -> float:
    """Average what is defined; NaN where nothing is."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan
