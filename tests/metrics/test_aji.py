"""Both aggregated Jaccard indices agree with HoVer-Net's functions and differ where they must."""

import numpy as np
import pytest

from common.metrics import aji_counts, aji_scores, contingency_table, matching_counts


def scores(truth, prediction):
    table = contingency_table(truth, prediction)
    return aji_scores({**matching_counts(table), **aji_counts(table)})


def test_agrees_with_hover_net(pairs, hover_net):
    for truth, prediction in pairs:
        true, predicted = hover_net.remap_label(truth), hover_net.remap_label(prediction)
        ours = scores(truth, prediction)
        assert ours["aji"] == pytest.approx(hover_net.get_fast_aji(true, predicted))
        assert ours["aji_plus"] == pytest.approx(hover_net.get_fast_aji_plus(true, predicted))


def test_perfect_is_one_and_aji_plus_is_symmetric(pairs):
    for truth, prediction in pairs[:10]:
        assert scores(truth, truth) == {"aji": 1, "aji_plus": 1}
        assert scores(truth, prediction)["aji_plus"] == pytest.approx(scores(prediction, truth)["aji_plus"])


def test_a_merged_nucleus_is_used_twice_by_aji_and_once_by_aji_plus():
    truth, merged = np.array([[1, 1, 1, 2, 2, 2]]), np.ones((1, 6), int)
    assert scores(truth, merged) == pytest.approx({"aji": 6 / 12, "aji_plus": 3 / 9})


def test_labels_are_only_names(pairs):
    for truth, prediction in pairs[:10]:
        renamed = np.where(prediction > 0, 9000 - prediction, 0)
        assert scores(truth, renamed) == pytest.approx(scores(truth, prediction))


def test_empty_images():
    empty, full = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert np.isnan(list(scores(empty, empty).values())).all()
    assert scores(empty, full) == scores(full, empty) == {"aji": 0, "aji_plus": 0}


def test_more_than_65535_nuclei():
    truth = np.kron(np.arange(1, 262**2 + 1, dtype=np.uint32).reshape(262, 262), np.ones((3, 3), np.uint32))
    assert scores(truth, np.roll(truth, 1, axis=0))["aji_plus"] == pytest.approx(0.5, abs=0.01)
