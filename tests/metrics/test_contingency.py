"""The contingency table counts what a double loop over labels counts, for any labels."""

import numpy as np
import pytest

from common.metrics import contingency_table


def test_equals_counting_by_hand(pairs):
    for truth, prediction in pairs[:8]:
        table = contingency_table(truth, prediction)
        assert table.true_ids.tolist() == [label for label in np.unique(truth) if label]
        assert table.predicted_ids.tolist() == [label for label in np.unique(prediction) if label]
        assert table.true_areas_px.tolist() == [(truth == label).sum() for label in table.true_ids]
        assert table.predicted_areas_px.tolist() == [
            (prediction == label).sum() for label in table.predicted_ids
        ]
        expected = {
            (true, predicted): shared
            for true in table.true_ids.tolist()
            for predicted in table.predicted_ids.tolist()
            if (shared := ((truth == true) & (prediction == predicted)).sum())
        }
        keys = zip(
            table.true_ids[table.rows].tolist(), table.predicted_ids[table.columns].tolist(), strict=True
        )
        assert dict(zip(keys, table.overlaps_px.tolist(), strict=True)) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_every_integer_type_and_memory_order(pairs, dtype):
    truth, prediction = (label_map % 100 for label_map in pairs[0])
    expected = contingency_table(truth, prediction)
    actual = contingency_table(np.asfortranarray(truth.astype(dtype)), prediction.astype(dtype)[:, :])
    assert actual.overlaps_px.tolist() == expected.overlaps_px.tolist()
    assert actual.true_ids.tolist() == expected.true_ids.tolist()


def test_huge_labels_equal_small_ones(pairs):
    for truth, prediction in pairs[:5]:
        small = contingency_table(truth, prediction)
        top = np.uint32(2**32 - 1)
        huge = contingency_table(
            np.where(truth > 0, top - truth.astype(np.uint32), np.uint32(0)),
            np.where(prediction > 0, top - prediction.astype(np.uint32), np.uint32(0)),
        )
        assert sorted(huge.overlaps_px.tolist()) == sorted(small.overlaps_px.tolist())
        assert huge.true_areas_px.tolist() == small.true_areas_px.tolist()[::-1]


def test_without_background():
    truth = np.repeat([[3, 9]], 4, axis=0)
    for labels in (truth, truth.astype(np.uint32) + np.uint32(4_000_000_000)):
        table = contingency_table(labels, labels)
        assert (table.n_true, table.n_predicted) == (2, 2)
        assert table.ious.tolist() == [1.0, 1.0]


def test_more_than_65535_nuclei():
    truth = np.arange(1, 300 * 300 + 1, dtype=np.uint32).reshape(300, 300)
    table = contingency_table(truth, truth[::-1].copy())
    assert table.n_true == table.n_predicted == table.overlaps_px.size == 90_000
    assert (table.ious == 1).all()


def test_subset_is_the_table_of_the_remaining_nuclei(pairs):
    truth, prediction = pairs[1]
    table = contingency_table(truth, prediction)
    kept_true, kept_predicted = table.true_ids % 2 == 0, table.predicted_ids % 3 > 0
    expected = contingency_table(
        np.where(np.isin(truth, table.true_ids[kept_true]), truth, 0),
        np.where(np.isin(prediction, table.predicted_ids[kept_predicted]), prediction, 0),
    )
    actual = table.subset(kept_true, kept_predicted)
    for name in ("true_ids", "predicted_areas_px", "rows", "columns", "overlaps_px"):
        assert getattr(actual, name).tolist() == getattr(expected, name).tolist()


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4), int), "truth has type float64: cast"),
        (np.zeros((4, 4), int), np.zeros((4, 4), bool), "prediction is a mask"),
        (np.full((4, 4), -2), np.zeros((4, 4), int), "label -2"),
        (np.zeros((4, 4), int), np.zeros((4, 5), int), r"\(4, 4\), prediction \(4, 5\)"),
        (np.zeros((1, 4, 4), int), np.zeros((1, 4, 4), int), "two axes"),
        (np.zeros((0, 4), int), np.zeros((0, 4), int), "two axes"),
    ],
)
def test_refuses_what_is_no_pair_of_label_maps(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        contingency_table(truth, prediction)
