"""Boundary Dice falls as an outline moves; only its instance form sees merged nuclei."""

import numpy as np
import pytest

from common.metrics import (
    boundary_counts,
    boundary_scores,
    contingency_table,
    matching_counts,
    score_image,
)


def scores(truth, prediction):
    return boundary_scores(
        {**matching_counts(contingency_table(truth, prediction)), **boundary_counts(truth, prediction)}
    )


@pytest.mark.parametrize("shift_px", [0, 1, 2, 5, 6, 7, 8])
def test_a_straight_front_that_moves_loses_overlap_pixel_by_pixel(shift_px):
    # Canny marks one or both of the two columns beside the front: a band is 7 or 8 px wide.
    truth = np.zeros((30, 60), int)
    truth[:, :20] = 1
    found = scores(truth, np.roll(truth, shift_px, axis=1) | truth)["boundary_dice"]
    assert found in [pytest.approx(max(0, width - shift_px) / width) for width in (7, 8)]


def test_bands_reach_three_pixels_to_either_side_of_every_outline():
    truth = np.zeros((30, 30), int)
    truth[10:20, 10:20] = 1
    counts = boundary_counts(truth, truth)
    assert counts["boundary_dice_instances_px"].tolist() == [16**2 - 2**2, 2 * (16**2 - 2**2)]


def test_a_nucleus_that_the_image_cuts_has_no_boundary_along_the_cut():
    truth = np.zeros((40, 40), int)
    truth[:20] = 1
    for name, (overlap, _) in boundary_counts(truth, truth).items():
        assert overlap in (7 * 40, 8 * 40), name


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.flipud, np.transpose])
def test_both_turn_with_the_image(pairs, turn):
    for truth, prediction in pairs[:10]:
        turned = scores(turn(truth), turn(prediction))
        assert turned == pytest.approx(scores(truth, prediction), abs=0.005)  # Canny breaks ties by rounding


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
