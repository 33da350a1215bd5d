"""Aggregated Jaccard index, one-to-many (AJI) and one-to-one (AJI+)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from .assignment import assign
from .contingency import ContingencyTable
from .ratio import Counts, ratio


def aji_counts(table: ContingencyTable) -> Counts:
    """Sum the intersections and unions, in pixels, of both forms of the index.

    AJI pairs every true nucleus with the predicted one of greatest IoU, which may be used more than
    once; AJI+ pairs one to one with the greatest sum of IoU. In both, a nucleus without partner adds
    its area to the union. The two are never mixed: what HoVer-Net's tables call "AJI" is AJI+.

    Args:
        table: contingency table of the two label maps.

    References:
        Kumar et al., IEEE TMI 2017, Algorithm 1 (AJI). Graham et al., HoVer-Net, 2019 (AJI+).
    """
    unions = table.unions_px
    # The shifted union prefers the larger of two pairs of equal IoU: the order of labels then decides
    # nothing, and HoVer-Net's code, which shifts alike, agrees.
    weights = table.overlaps_px / (unions + 1e-6)
    best = _best_of_each_row(table, weights)
    one_to_one = assign(table.rows, table.columns, weights)
    counts: Counts = {}
    for name, pairs in (("aji", best), ("aji_plus", one_to_one)):
        single_true = np.ones(table.n_true, dtype=bool)
        single_true[table.rows[pairs]] = False
        single_predicted = np.ones(table.n_predicted, dtype=bool)
        single_predicted[table.columns[pairs]] = False
        union = unions[pairs].sum()
        union += table.true_areas_px[single_true].sum() + table.predicted_areas_px[single_predicted].sum()
        counts[f"{name}_intersection_px"] = np.array(table.overlaps_px[pairs].sum())
        counts[f"{name}_union_px"] = np.array(union)
    return counts


def aji_scores(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute AJI and AJI+.

    Args:
        counts: of `aji_counts` and `matching_counts`, of one image or summed over images.
    """
    return {
        name: ratio(float(counts[f"{name}_intersection_px"]), float(counts[f"{name}_union_px"]), counts)
        for name in ("aji", "aji_plus")
    }


def _best_of_each_row(table: ContingencyTable, weights: np.ndarray) -> Bool[np.ndarray, " pairs"]:
    """Choose in each row the pair of greatest weight, the first one among equals."""
    order = np.lexsort((-np.arange(weights.size), weights, table.rows))
    rows = table.rows[order]
    chosen = np.zeros(weights.size, dtype=bool)
    chosen[order[np.append(rows[1:] != rows[:-1], True)[: rows.size]]] = True
    return chosen
