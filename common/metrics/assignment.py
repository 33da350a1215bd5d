"""One-to-one assignment of greatest total weight over a sparse set of pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching


def assign(
    rows: Integer[np.ndarray, " pairs"],
    columns: Integer[np.ndarray, " pairs"],
    weights: Float[np.ndarray, " pairs"],
) -> Bool[np.ndarray, " pairs"]:
    """Choose pairs, each row and each column at most once, so that their weights sum to the most.

    Args:
        rows: row of each pair; no pair occurs twice.
        columns: column of each pair.
        weights: weight of each pair, > 0.

    Returns:
        Whether each pair is chosen.

    Example:
        >>> rows, columns, weights = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0.6, 0.5, 0.5])
        >>> assign(rows, columns, weights).tolist()
        [False, True, True]
    """
    # SciPy's solver wants every row matched and reads a zero as no pair. So every row has a partner of its
    # own to stay single with, every column too, and the two partners of a chosen pair have each other: each
    # of these weighs 1, and a true pair 1 more than it does. (Partners for the rows alone would do, but
    # that form takes ten times as long.)
    names, r = np.unique(rows, return_inverse=True)
    others, c = np.unique(columns, return_inverse=True)
    row, column = np.arange(names.size), np.arange(others.size)
    first = np.concatenate([r, row, row.size + column, row.size + c])
    second = np.concatenate([c, column.size + row, column, column.size + r])
    values = np.concatenate([weights + 1.0, np.ones(row.size + column.size + r.size)])
    graph = sparse.csr_matrix((values, (first, second)), shape=(row.size + column.size,) * 2)
    _, partner = min_weight_full_bipartite_matching(graph, maximize=True)
    return partner[r] == c
