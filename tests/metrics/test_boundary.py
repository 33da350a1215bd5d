"""Boundary Dice agrees with a plain implementation; only its instance form sees merged nuclei."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import canny
from skimage.segmentation import find_boundaries

from common.metrics import (
    boundary_counts,
    boundary_scores,
    contingency_table,
    matching_counts,
    outlines,
    score_image,
)
from common.metrics.boundary import dilate


def scores(truth, prediction):
    return boundary_scores(
        {**matching_counts(contingency_table(truth, prediction)), **boundary_counts(truth, prediction)}
    )


def test_agrees_with_scikit_image_and_scipy(pairs):
    def band(mask):
        edges = canny(np.pad(mask, 12, mode="edge"), mode="nearest")[12:-12, 12:-12]
        return ndimage.binary_dilation(edges, np.ones((7, 7)))

    for truth, prediction in pairs[:20]:
        true, predicted = band(truth > 0), band(prediction > 0)
        expected = 2 * (true & predicted).sum() / (true.sum() + predicted.sum())
        assert scores(truth, prediction)["boundary_dice"] == pytest.approx(expected, abs=0.01)


def test_outlines_and_dilation_agree_with_libraries(pairs):
    for truth, _ in pairs[:10]:
        expected = find_boundaries(truth, connectivity=1, mode="inner", background=0)
        assert np.array_equal(outlines(truth), expected)
        assert np.array_equal(dilate(truth > 0), ndimage.binary_dilation(truth > 0, np.ones((7, 7))))


def test_merging_two_touching_nuclei_shows_in_the_instance_form_alone():
    truth = np.zeros((60, 60), int)
    truth[10:50, 10:30], truth[10:50, 30:50] = 1, 2
    merged = (truth > 0).astype(int)
    assert scores(truth, merged)["boundary_dice"] == 1
    assert scores(truth, merged)["boundary_dice_instances"] < 0.9


def test_perfect_is_one_and_both_are_symmetric(pairs):
    for truth, prediction in pairs[:5]:
        assert set(scores(truth, truth).values()) == {1.0}
        assert scores(truth, prediction) == scores(prediction, truth)


def test_no_boundary_anywhere_is_undefined_not_zero():
    full = np.ones((20, 20), int)
    assert np.isnan(list(scores(full, full).values())).all()
    assert set(scores(np.zeros_like(full), full).values()) == {0.0}
    assert np.isnan(score_image(full, full).values["boundary_dice"])
