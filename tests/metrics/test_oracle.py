"""Label propagation from the truth separates even a wholly merged mask: a bound, not a score."""

import numpy as np
from scipy import ndimage

from common.metrics import oracle_f1_50, propagate_labels, score_image


def test_merged_foreground_reaches_one_by_the_oracle_and_little_by_itself(pairs):
    for truth, _ in pairs:
        assert oracle_f1_50(truth, (truth > 0).astype(int)) == 1
    truth = pairs[-1][0]
    merged = ndimage.label(truth > 0)[0]
    assert score_image(truth, merged).values["f1_50"] < 1


def test_propagation_keeps_the_foreground_and_takes_the_nearest_label(pairs):
    for truth, prediction in pairs[:5]:
        propagated = propagate_labels(truth, prediction)
        assert np.array_equal(propagated > 0, prediction > 0)
        shared = (truth > 0) & (prediction > 0)
        assert np.array_equal(propagated[shared], truth[shared])
        seeds = np.argwhere(shared)
        for place in np.argwhere((prediction > 0) & ~shared)[:20]:
            distances = ((seeds - place) ** 2).sum(axis=1)
            nearest = {truth[tuple(seed)] for seed in seeds[distances == distances.min()]}
            assert propagated[tuple(place)] in nearest


def test_nothing_shared_scores_zero_and_two_empty_maps_nan():
    empty, full = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert oracle_f1_50(full, empty) == oracle_f1_50(empty, full) == 0
    assert np.isnan(oracle_f1_50(empty, empty))


def test_never_among_the_scores(pairs):
    assert not any("oracle" in name for name in score_image(*pairs[0]).values)
