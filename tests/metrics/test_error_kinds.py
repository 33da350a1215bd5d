"""Nuclei without a match are counted by what happened to them, each once."""

import numpy as np
import pytest

from common.metrics import ERROR_KINDS, score_image, summarize


def squares(*places: tuple[int, int, int, int]) -> np.ndarray:
    """Return a label map of rectangles, each its first row and column, height and width."""
    label_map = np.zeros((24, 24), np.int32)
    for label, (row, column, height, width) in enumerate(places, start=1):
        label_map[row : row + height, column : column + width] = label
    return label_map


LEFT, RIGHT, SMALL = (2, 2, 10, 10), (2, 12, 10, 10), (2, 12, 10, 3)


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        ((LEFT, RIGHT), (LEFT, RIGHT), {}),
        ((LEFT,), (), {"n_missed": 1}),
        ((), (LEFT,), {"n_invented": 1}),
        ((LEFT, RIGHT), ((2, 2, 10, 20),), {"n_merged": 1}),  # one half is a match by an IoU of exactly .5
        ((LEFT, SMALL), ((2, 2, 10, 13),), {"n_merged": 1}),  # the large one is a match
        ((LEFT, RIGHT), ((1, 1, 12, 22),), {"n_merged": 2}),
        ((LEFT,), ((2, 2, 10, 4), (2, 6, 10, 4), (2, 10, 10, 2)), {"n_split": 1}),
        ((LEFT,), ((2, 2, 10, 6), (2, 8, 10, 4)), {}),  # the larger piece is a match
        ((LEFT,), ((4, 4, 5, 5),), {"n_poor_outline": 1}),
        ((LEFT,), ((0, 0, 24, 24),), {"n_poor_outline": 1}),
        ((LEFT,), ((2, 8, 10, 9),), {"n_missed": 1, "n_invented": 1}),
        ((LEFT, RIGHT), ((2, 8, 10, 8),), {"n_missed": 2, "n_invented": 1}),  # across the seam
    ],
)
def test_cases_that_can_be_counted_by_hand(truth, prediction, expected):
    errors = score_image(squares(*truth), squares(*prediction)).errors
    assert errors == dict.fromkeys(ERROR_KINDS, 0) | expected


@pytest.mark.parametrize("iou_rule", ["ge", "gt"])
def test_every_nucleus_without_a_match_is_of_one_kind(pairs, iou_rule):
    for truth, prediction in pairs:
        scores = score_image(truth, prediction, iou_rule=iou_rule)
        lost = scores.counts["n_true"] - scores.counts["matches"][0]
        assert sum(scores.errors[kind] for kind in ERROR_KINDS[:4]) == lost
        assert scores.errors["n_invented"] <= scores.counts["n_predicted"] - scores.counts["matches"][0]


def test_pairs_have_errors_of_every_kind_and_a_set_has_their_sums(pairs):
    images = [score_image(*pair) for pair in pairs]
    summary = summarize(images)
    for kind in ERROR_KINDS:
        assert summary[kind] == sum(image.errors[kind] for image in images) > 0
