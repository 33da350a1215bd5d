"""Scores per class of nucleus, and their mean over the classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Integer

from .contingency import contingency_table
from .matching import matching_counts, matching_scores
from .ratio import Counts
from .report import pool


def score_classes(
    truth: np.ndarray,
    prediction: np.ndarray,
    true_classes: Mapping[int, int],
    predicted_classes: Mapping[int, int],
    *,
    classes: Sequence[int],
    iou_rule: str = "ge",
) -> dict[int, Counts]:
    """Match the nuclei of each class among themselves: a nucleus of the wrong class is no match.

    Args:
        truth: true label map.
        prediction: predicted label map.
        true_classes: class of each true label.
        predicted_classes: class of each predicted label.
        classes: the classes to score.
        iou_rule: "ge" or "gt", see `match`.

    Shapes:
        truth, prediction: (H, W), integers >= 0.

    Returns:
        For each class its counts, for `summarize_classes`.

    Raises:
        ValueError: if a label has no class.

    Example:
        >>> label_map = np.array([[1, 1, 2, 2]])
        >>> images = [score_classes(label_map, label_map, {1: 7, 2: 9}, {1: 7, 2: 7}, classes=[7, 9])]
        >>> round(summarize_classes(images)["mpq_pooled"], 3)
        0.333
    """
    table = contingency_table(truth, prediction)
    true = _classes_of(table.true_ids, true_classes, "true")
    predicted = _classes_of(table.predicted_ids, predicted_classes, "predicted")
    counts = {}
    for each in classes:
        true_kept: Bool[np.ndarray, " true"] = true == each
        counts[each] = matching_counts(table.subset(true_kept, predicted == each), iou_rule=iou_rule)
    return counts


def summarize_classes(images: Sequence[Mapping[int, Counts]]) -> dict[str, float]:
    """Give PQ and F1 per class, and mPQ, each as `_mean` and `_pooled`.

    mPQ of an image is the mean over the classes that occur in it (in either label map); `mpq_mean` is
    its mean over images, `mpq_pooled` the mean over classes of PQ pooled over the set (mPQ+).

    Args:
        images: of each image, what `score_classes` returned.

    References:
        Gamper et al., PanNuke, 2020 (mPQ). There, nuclei predicted of a class that the image does not
        have are forgiven; here they score 0, by our rule for empty images. Graham et al., CoNIC, 2021 (mPQ+).
    """
    if not images:
        raise ValueError("No image was scored: give at least one.")
    classes = list(images[0])
    per_image = [{each: matching_scores(counts[each]) for each in classes} for counts in images]
    summary: dict[str, float] = {}
    pooled_pq = []
    for each in classes:
        pooled = matching_scores(pool([counts[each] for counts in images]))
        pooled_pq.append(pooled["pq"])
        for name in ("pq", "f1_50"):
            summary[f"{name}_class_{each}_mean"] = _mean([scores[each][name] for scores in per_image])
            summary[f"{name}_class_{each}_pooled"] = pooled[name]
    summary["mpq_mean"] = _mean([_mean([scores[each]["pq"] for each in classes]) for scores in per_image])
    summary["mpq_pooled"] = _mean(pooled_pq)
    return summary


def _classes_of(
    labels: Integer[np.ndarray, " n"], classes: Mapping[int, int], name: str
) -> Integer[np.ndarray, " n"]:
    """Look up the class of each label."""
    missing = [label for label in labels.tolist() if label not in classes]
    if missing:
        raise ValueError(
            f"The {name} label {missing[0]} has no class ({len(missing)} such labels): give one."
        )
    return np.array([classes[label] for label in labels.tolist()], dtype=np.int64)


def _mean(values: Sequence[float]) -> float:
    """Average what is defined; NaN where nothing is."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan
