"""PanNuke's scores: what its program computes, counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from common.metrics import binary_pq, multi_class_pq, score_image, summarize_tissues


def squares(*places: tuple[int, int, int]) -> np.ndarray:
    """Draw squares of 10 x 10 pixels: label, row, column."""
    label_map = np.zeros((40, 40), np.int64)
    for label, row, column in places:
        label_map[row : row + 10, column : column + 10] = label
    return label_map


TRUTH = squares((1, 0, 0), (2, 20, 0), (3, 20, 20))
# One exact, one moved by two columns (IoU 80 / 120), one lost, one invented.
PREDICTION = squares((5, 0, 0), (6, 20, 2), (7, 0, 25))


def test_by_hand() -> None:
    # tp 2, fp 1, fn 1: PQ = (1 + 2/3) / (2 + 1/2 + 1/2).
    assert binary_pq(TRUTH, PREDICTION) == pytest.approx((1 + 2 / 3) / 3)
    # Of class 1 one of two is found, exactly, and one is invented; of class 2 the moved one.
    classes = {1: 1, 2: 2, 3: 1}, {5: 1, 6: 2, 7: 1}
    assert multi_class_pq(TRUTH, PREDICTION, *classes) == pytest.approx((1 / (1 + 1 / 2 + 1 / 2) + 2 / 3) / 2)


def test_an_invented_class_and_an_image_without_nuclei_are_forgiven() -> None:
    assert multi_class_pq(TRUTH, TRUTH, dict.fromkeys((1, 2, 3), 1), {1: 1, 2: 1, 3: 4}) == pytest.approx(0.8)
    empty = 0 * TRUTH
    assert math.isnan(binary_pq(empty, PREDICTION)) and score_image(empty, PREDICTION).values["pq"] == 0
    assert math.isnan(multi_class_pq(empty, PREDICTION, {}, {5: 1, 6: 1, 7: 1}))
    assert binary_pq(TRUTH, empty) == 0


def test_half_of_a_nucleus_is_no_match() -> None:
    truth, half = squares((1, 0, 0)), squares((1, 0, 0))
    half[5:] = 0
    assert multi_class_pq(truth, half, {1: 3}, {1: 3}) == 0
    assert binary_pq(truth, half) == 0 and score_image(truth, half).values["pq"] == 0.5


def test_a_tissue_counts_as_much_as_any_other() -> None:
    tissues = ["Breast", "Breast", "Breast", "Liver", "Skin", "Skin"]
    scores = [0.2, 0.4, math.nan, 0.9, math.nan, math.nan]
    found = summarize_tissues("bpq", tissues, scores)
    assert found["bpq_mean"] == pytest.approx((0.2 + 0.4 + 0.9) / 3)
    assert found["bpq_tissue_mean"] == pytest.approx(((0.2 + 0.4) / 2 + 0.9) / 2)
    breast, skin = found["tissues"]["Breast"], found["tissues"]["Skin"]
    assert breast == {"n_images": 3, "n_scored": 2, "bpq_mean": pytest.approx(0.3)}
    assert skin["n_scored"] == 0 and math.isnan(skin["bpq_mean"])


def test_equally_many_images_of_each_tissue_make_the_two_means_one() -> None:
    scores = np.random.default_rng(0).random(20)
    found = summarize_tissues("bpq", [f"t{number % 4}" for number in range(20)], list(scores))
    assert found["bpq_mean"] == pytest.approx(found["bpq_tissue_mean"]) == pytest.approx(scores.mean())


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="There are 1 scores and 2 tissues: give one tissue a score"):
        summarize_tissues("bpq", ["a", "b"], [0.1])
    with pytest.raises(ValueError, match="The true label 2 has no class"):
        multi_class_pq(TRUTH, PREDICTION, {1: 1}, {5: 1, 6: 1, 7: 1})
