"""The sparse assignment is as good as SciPy's dense one, whatever the weights."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from common.metrics import assign


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("tied", [False, True])
def test_total_weight_equals_the_dense_optimum(seed, tied):
    rng = np.random.default_rng(seed)
    n_rows, n_columns = rng.integers(1, 25, 2)
    present = rng.random((n_rows, n_columns)) < rng.uniform(0.05, 0.9)
    weights = rng.integers(1, 4, present.shape) / 2 if tied else rng.uniform(0.01, 1, present.shape)
    rows, columns = np.nonzero(present)
    chosen = assign(rows, columns, weights[rows, columns])
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == chosen.sum()
    dense = np.where(present, weights, 0)
    assert weights[rows, columns][chosen].sum() == pytest.approx(dense[linear_sum_assignment(-dense)].sum())


def test_nothing_to_assign():
    none = np.zeros(0, dtype=np.int64)
    assert assign(none, none, np.zeros(0)).shape == (0,)


def test_one_large_cycle():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(4_000), 2)
    columns = (rows + np.tile([0, 1], 4_000)) % 4_000
    chosen = assign(rows, columns, rng.uniform(0.1, 0.5, rows.size))
    assert np.bincount(rows[chosen]).max() == np.bincount(columns[chosen]).max() == 1
