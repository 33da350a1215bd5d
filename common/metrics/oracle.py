"""F1 after label propagation from the truth: an upper bound of a mask, never listed among the scores."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer
from scipy import ndimage

from .contingency import check_label_maps, contingency_table
from .matching import matching_counts, matching_scores


def oracle_f1_50(truth: np.ndarray, prediction: np.ndarray, *, iou_rule: str = "ge") -> float:
    """Compute F1 at IoU .5 after the truth itself has separated the predicted foreground.

    This tells how well a foreground could be separated at best, not how well it was: a mask in which
    every nucleus is merged reaches nearly 1. So `score_image` leaves it out.

    Args:
        truth: true label map.
        prediction: predicted label map; only its foreground is used.
        iou_rule: "ge" or "gt", see `match`.

    Shapes:
        truth, prediction: (H, W), integers >= 0.

    Example:
        >>> truth = np.array([[1, 1, 1, 2, 2, 2, 0]])
        >>> oracle_f1_50(truth, (truth > 0).astype(int))
        1.0
    """
    check_label_maps(truth, prediction)
    if not truth.any() and prediction.any():
        return 0.0  # nothing to propagate, and our rule for empty images
    propagated = propagate_labels(truth, prediction)
    return matching_scores(matching_counts(contingency_table(truth, propagated), iou_rule=iou_rule))["f1_50"]


def propagate_labels(
    truth: Integer[np.ndarray, "h w"], prediction: Integer[np.ndarray, "h w"]
) -> Integer[np.ndarray, "h w"]:
    """Give every predicted foreground pixel the label of the nearest pixel that both call foreground.

    Args:
        truth: true label map.
        prediction: predicted label map.

    Returns:
        A label map with the labels of the truth and the foreground of the prediction; empty where the
        two share no foreground.

    References:
        The ResNet-18 U-Net paper with online hard example mining, its "heuristic bipartite matching".
    """
    seeds = np.where(prediction > 0, truth, 0)
    if not seeds.any():
        return seeds
    rows, columns = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return np.where(prediction > 0, seeds[rows, columns], 0)
