"""Pixel scores agree with scikit-learn and with each other."""

import numpy as np
import pytest

from common.metrics import contingency_table, matching_counts, pixel_counts, pixel_scores, probability_counts


def scores(truth, prediction, probability=None):
    table = contingency_table(truth, prediction)
    foreground = probability_counts(truth > 0, probability)
    return pixel_scores({**matching_counts(table), **pixel_counts(table), **foreground})


def test_agree_with_scikit_learn(pairs):
    sklearn = pytest.importorskip("sklearn.metrics")
    for truth, prediction in pairs[:10]:
        true, predicted = (truth > 0).ravel(), (prediction > 0).ravel()
        ours = scores(truth, prediction)
        assert ours["pixel_accuracy"] == pytest.approx(sklearn.accuracy_score(true, predicted))
        assert ours["pixel_precision"] == pytest.approx(sklearn.precision_score(true, predicted))
        assert ours["pixel_recall"] == pytest.approx(sklearn.recall_score(true, predicted))
        assert ours["dice"] == ours["pixel_f1"] == pytest.approx(sklearn.f1_score(true, predicted))
        assert ours["iou"] == pytest.approx(sklearn.jaccard_score(true, predicted))
        assert ours["miou"] == pytest.approx(sklearn.jaccard_score(true, predicted, average="macro"))
        assert np.isnan(ours["pixel_ap"])


def test_average_precision_agrees_with_scikit_learn_on_1024_levels(pairs):
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for truth, prediction in pairs[:10]:
        probability = np.clip((prediction > 0) * 0.4 + rng.uniform(0, 0.6, truth.shape), 0, 1).astype(
            np.float32
        )
        ours = scores(truth, prediction, probability)["pixel_ap"]
        target = (truth > 0).ravel()
        level = np.minimum(np.floor(probability * 1024), 1023).ravel()
        assert ours == pytest.approx(sklearn.average_precision_score(target, level))
        assert ours == pytest.approx(sklearn.average_precision_score(target, probability.ravel()), abs=2e-3)


def test_dice_and_iou_are_one_quantity(pairs):
    for truth, prediction in pairs:
        ours = scores(truth, prediction)
        assert ours["dice"] == pytest.approx(2 * ours["iou"] / (1 + ours["iou"]))


def test_perfect_is_one(pairs):
    truth = pairs[0][0]
    assert set(scores(truth, truth, (truth > 0).astype(np.float32)).values()) == {1.0}


def test_empty_images():
    empty, full = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert np.isnan(list(scores(empty, empty, np.zeros((5, 5))).values())).all()
    assert set(scores(empty, full, np.ones((5, 5))).values()) == {0.0}
    assert scores(full, full, np.ones((5, 5)))["miou"] == 1
    almost = np.zeros((5, 5), int)
    almost[0, 0] = 1
    ours = scores(empty, almost)
    assert (ours["dice"], ours["pixel_accuracy"]) == (0, 24 / 25)


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        (np.full((5, 5), 1.5), "runs from 1.5 to 1.5"),
        (np.full((5, 5), -0.5), "in \\[0, 1\\]"),
        (np.full((5, 5), np.nan), "nan"),
    ],
)
def test_refuses_what_is_no_probability(probability, message):
    with pytest.raises(ValueError, match=message):
        scores(np.ones((5, 5), int), np.ones((5, 5), int), probability)
