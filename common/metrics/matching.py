"""One-to-one matching at IoU thresholds: precision, recall, F1, AP, and panoptic quality."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from .assignment import assign
from .contingency import ContingencyTable
from .error_kinds import error_counts
from .ratio import Counts, ratio

IOU_RULES = ("ge", "gt")
PERCENTS = tuple(range(50, 100, 5))
"""IoU thresholds in percent; dividing by 100 gives exactly the number that 0.55 is in code."""

_MU_PERCENTS = (50, 60, 70, 80, 90)


def match(
    table: ContingencyTable, *, iou_threshold: float | int = 0.5, iou_rule: str = "ge"
) -> Bool[np.ndarray, " pairs"]:
    """Match true and predicted nuclei one to one: as many pairs as possible, then the greatest IoU sum.

    Args:
        table: contingency table of the two label maps.
        iou_threshold: IoU a pair must reach, in (0, 1].
        iou_rule: "ge" (reach it: StarDist, Cellpose, InstanSeg) or "gt" (exceed it: HoVer-Net, PanNuke).

    Returns:
        Whether each pair of the table is a match.

    Raises:
        ValueError: if the threshold or the rule is none of those.

    Example:
        >>> from common.metrics import contingency_table
        >>> halves = contingency_table(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]]))
        >>> int(match(halves).sum()), int(match(halves, iou_rule="gt").sum())
        (1, 0)
    """
    check_iou_rule(iou_rule)
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"iou_threshold is {iou_threshold}: choose one above 0 and up to 1.")
    ious = table.ious
    good = ious >= iou_threshold if iou_rule == "ge" else ious > iou_threshold
    if iou_threshold > 0.5 or (iou_threshold == 0.5 and iou_rule == "gt"):
        return good  # two nuclei that each hold more than half of a third one would overlap
    if iou_threshold == 0.5:
        # Only the two exact halves of one nucleus compete here, at IoU .5 each: the first one wins. A
        # pair above .5 has no rival.
        tied = np.flatnonzero(ious == 0.5)
        for partners in (table.rows, table.columns):
            _, first = np.unique(partners[tied], return_index=True)
            rivals = np.delete(tied, first)
            good[rivals] = False
            tied = tied[np.sort(first)]
        return good
    candidates = np.flatnonzero(good)
    # One pair more always outweighs any gain in IoU.
    weights = 1.0 + ious[candidates] / (2.0 * max(candidates.size, 1))
    good[candidates] = assign(table.rows[candidates], table.columns[candidates], weights)
    return good


def matching_counts(table: ContingencyTable, *, iou_rule: str = "ge") -> Counts:
    """Count nuclei, matches at every threshold, the IoU sum of those at .5, and what became of the others.

    Args:
        table: contingency table of the two label maps.
        iou_rule: "ge" or "gt", see `match`.
    """
    matches = match(table, iou_rule=iou_rule)
    matched_ious = table.ious[matches]  # a match at a higher threshold is also one at .5
    thresholds = np.array(PERCENTS)[:, None] / 100
    reached = matched_ious >= thresholds if iou_rule == "ge" else matched_ious > thresholds
    return {
        "n_true": np.array(table.n_true),
        "n_predicted": np.array(table.n_predicted),
        "matches": reached.sum(axis=1),
        "iou_sum": np.array(matched_ious.sum()),
        **error_counts(table, matches),
    }


def matching_scores(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute precision, recall, F1 and AP at every threshold, their means, and SQ, DQ, PQ.

    AP is tp / (tp + fp + fn), as StarDist and the Data Science Bowl 2018 count. `f1_mu` is the mean F1
    over IoU .5, .6, .7, .8, .9 (InstanSeg), `f1_50_95` over .5, .55 ... .95. PQ = DQ * SQ.

    Args:
        counts: of `matching_counts`, of one image or summed over images.

    References:
        Kirillov et al., Panoptic Segmentation, CVPR 2019, Eq. 1.
        Goldsborough et al., InstanSeg, 2024 (f1_mu).
    """
    true, predicted = float(counts["n_true"]), float(counts["n_predicted"])
    scores: dict[str, float] = {}
    for percent, matched in zip(PERCENTS, counts["matches"].tolist(), strict=True):
        scores[f"f1_{percent}"] = ratio(2 * matched, true + predicted, counts)
        scores[f"precision_{percent}"] = ratio(matched, predicted, counts)
        scores[f"recall_{percent}"] = ratio(matched, true, counts)
        scores[f"ap_{percent}"] = ratio(matched, true + predicted - matched, counts)
    scores["f1_mu"] = float(np.mean([scores[f"f1_{percent}"] for percent in _MU_PERCENTS]))
    scores["f1_50_95"] = float(np.mean([scores[f"f1_{percent}"] for percent in PERCENTS]))
    # Without any match SQ has no mean to take: 0, so that PQ = 0 and a useless model is no gap in a table.
    scores["sq"] = ratio(float(counts["iou_sum"]), max(float(counts["matches"][0]), 1.0), counts)
    scores["dq"] = scores["f1_50"]
    scores["pq"] = scores["dq"] * scores["sq"]
    return scores


def check_iou_rule(iou_rule: str) -> None:
    """Refuse an unknown IoU rule.

    Args:
        iou_rule: what was asked for.

    Raises:
        ValueError: if it is neither "ge" nor "gt".
    """
    if iou_rule not in IOU_RULES:
        raise ValueError(f"iou_rule is {iou_rule!r}: choose 'ge' (at least) or 'gt' (more than).")
