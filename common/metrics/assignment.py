"""One-to-one assignment of greatest total weight over a sparse set of pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

# Below this share of clear pairs a further round costs more than the solver.
_FEWEST_CLEAR = 0.02


def assign(
    rows: Integer[np.ndarray, " pairs"],
    columns: Integer[np.ndarray, " pairs"],
    weights: Float[np.ndarray, " pairs"],
) -> Bool[np.ndarray, " pairs"]:
    """Choose pairs, each row and each column at most once, so that their weights sum to the most.

    Nearly all pairs of a segmentation are clear at sight: a pair that weighs at least as much as the
    best rival in its row and the best rival in its column together belongs to a best assignment, since
    taking it can only push out those two. Such pairs are taken until none is left; only the rest, a few
    ambiguous clusters, goes to a sparse solver.

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
    chosen = np.zeros(rows.size, dtype=bool)
    left: np.ndarray = np.arange(rows.size)
    while left.size:
        r, c, w = rows[left], columns[left], weights[left]
        clear = np.flatnonzero(w >= _best_rival(r, w) + _best_rival(c, w))
        if clear.size < _FEWEST_CLEAR * left.size:
            chosen[left[_solve(r, c, w)]] = True
            break
        # Equal pairs of one row (a nucleus cut into exact halves) can all be clear: the first is taken.
        clear = clear[np.unique(r[clear], return_index=True)[1]]
        clear = clear[np.unique(c[clear], return_index=True)[1]]
        chosen[left[clear]] = True
        taken = np.isin(r, r[clear]) | np.isin(c, c[clear])
        left = left[~taken]
    return chosen


def _best_rival(
    groups: Integer[np.ndarray, " n"], weights: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """For each entry, the greatest weight of the *other* entries of its group, 0 where it is alone."""
    order = np.lexsort((weights, groups))
    g, w = groups[order], weights[order]
    last = np.append(g[1:] != g[:-1], True)
    ends = np.flatnonzero(last)
    sizes = np.diff(ends, prepend=-1)
    second = np.where(sizes > 1, w[np.maximum(ends - 1, 0)], 0.0)
    group_of_entry = np.cumsum(last) - last
    rival = w[ends][group_of_entry]
    rival[last] = second
    out = np.empty_like(weights)
    out[order] = rival
    return out


def _solve(
    rows: Integer[np.ndarray, " n"], columns: Integer[np.ndarray, " n"], weights: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Solve the assignment exactly; each row may stay single, on a column of its own.

    The solver wants every row matched and drops zeros, so each row gets a private column of weight 1
    and every true weight is raised by 1: all full matchings then carry the same surplus.
    """
    _, r = np.unique(rows, return_inverse=True)
    _, c = np.unique(columns, return_inverse=True)
    n_rows, n_columns = int(r.max()) + 1, int(c.max()) + 1
    alone = np.arange(n_rows)
    graph = sparse.csr_matrix(
        (
            np.concatenate([weights + 1.0, np.ones(n_rows)]),
            (np.concatenate([r, alone]), np.concatenate([c, n_columns + alone])),
        ),
        shape=(n_rows, n_columns + n_rows),
    )
    matched_rows, matched_columns = min_weight_full_bipartite_matching(graph, maximize=True)
    partner = np.empty(n_rows, dtype=np.int64)
    partner[matched_rows] = matched_columns
    return partner[r] == c
