"""What is wrong where nuclei are not matched: missed, merged, split, poorly outlined or invented ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from .contingency import ContingencyTable
from .ratio import Counts

ERROR_KINDS = ("n_missed", "n_merged", "n_split", "n_poor_outline", "n_invented")
"""The first four are of true nuclei, and together all that have no match; the last is of predicted ones."""


def error_counts(table: ContingencyTable, matches: Bool[np.ndarray, " pairs"]) -> Counts:
    """Count the nuclei without a match by what happened to them; one that is two kinds is the first.

    A true nucleus is *merged* if more than half of it lies in a predicted one that has more than half of
    another true nucleus too, *split* if two or more predicted nuclei lie in it by more than half of
    themselves, of a *poor outline* if one predicted nucleus lies in it, or it in one, by more than half, and
    else *missed*. A predicted nucleus that has no such bond to any true one is *invented*.

    Args:
        table: contingency table of the two label maps.
        matches: which of its pairs are matches, see `match`.

    Returns:
        A number for each of `ERROR_KINDS`.

    References:
        Missed, merged and split nuclei tell segmentations apart in Caicedo et al., Evaluation of deep
        learning strategies for nucleus segmentation in fluorescence images, Cytometry A, 2019; the limits of
        one half are ours.

    Example:
        >>> from common.metrics import contingency_table, match
        >>> truth, found = np.array([[1, 1, 1, 2, 2, 0, 3, 0]]), np.array([[5, 5, 5, 5, 5, 0, 0, 6]])
        >>> table = contingency_table(truth, found)
        >>> {kind: int(count) for kind, count in error_counts(table, match(table)).items()}
        {'n_missed': 1, 'n_merged': 1, 'n_split': 0, 'n_poor_outline': 0, 'n_invented': 1}
    """
    rows, columns = table.rows, table.columns
    inside = 2 * table.overlaps_px > table.true_areas_px[rows]  # a true nucleus, in one predicted at most
    piece = 2 * table.overlaps_px > table.predicted_areas_px[columns]  # a predicted one, of one true at most
    crowd = np.bincount(columns[inside], minlength=table.n_predicted)
    pieces = np.bincount(rows[piece], minlength=table.n_true)

    lost = np.ones(table.n_true, bool)
    lost[rows[matches]] = False
    merged = np.zeros(table.n_true, bool)
    merged[rows[inside & (crowd[columns] > 1)]] = True
    bound = pieces > 0
    bound[rows[inside]] = True
    without = np.ones(table.n_predicted, bool)
    without[columns[matches | inside | piece]] = False
    counted = {
        "n_missed": lost & ~bound,
        "n_merged": lost & merged,
        "n_split": lost & ~merged & (pieces > 1),
        "n_poor_outline": lost & ~merged & (pieces < 2) & bound,
        "n_invented": without,
    }
    return {kind: np.array(counted[kind].sum()) for kind in ERROR_KINDS}


def told_errors(counts: Mapping[str, float]) -> str:
    """Say in a line what is wrong.

    Args:
        counts: what is there under each of `ERROR_KINDS`.

    Example:
        >>> told_errors(dict(zip(ERROR_KINDS, (3, 1, 0, 2, 4))))
        '3 missed, 1 merged with another, 0 split, 2 of a poor outline, 4 invented'
    """
    words = ("missed", "merged with another", "split", "of a poor outline", "invented")
    return ", ".join(f"{counts[kind]} {word}" for kind, word in zip(ERROR_KINDS, words, strict=True))
