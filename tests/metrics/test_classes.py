"""Scores per class are the scores of label maps that hold that class alone."""

import numpy as np
import pytest

from common.metrics import score_classes, score_image, summarize_classes


def classes_of(label_map):
    return {int(label): int(label) % 3 for label in np.unique(label_map) if label}


def test_equal_scores_of_each_class_alone(pairs):
    for truth, prediction in pairs[:8]:
        summary = summarize_classes(
            [score_classes(truth, prediction, classes_of(truth), classes_of(prediction), classes=[0, 1, 2])]
        )
        expected = []
        for each in range(3):
            alone = score_image(
                np.where(truth % 3 == each, truth, 0), np.where(prediction % 3 == each, prediction, 0)
            )
            for name in ("pq", "f1_50"):
                assert summary[f"{name}_class_{each}_mean"] == pytest.approx(alone.values[name], nan_ok=True)
            expected.append(alone.values["pq"])
        assert summary["mpq_mean"] == summary["mpq_pooled"] == pytest.approx(np.nanmean(expected))


def test_agrees_with_monai_per_class(pairs):
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics")
    truth, prediction = pairs[3]
    summary = summarize_classes(
        [
            score_classes(
                truth, prediction, classes_of(truth), classes_of(prediction), classes=[0, 1, 2], iou_rule="gt"
            )
        ]
    )
    metric = monai.PanopticQualityMetric(num_classes=3)
    # MONAI numbers classes from 1.
    maps = [np.stack([m, np.where(m > 0, m % 3 + 1, 0)])[None].astype(np.int32) for m in (prediction, truth)]
    metric(torch.from_numpy(maps[0]), torch.from_numpy(maps[1]))
    theirs = metric.aggregate().flatten().tolist()
    assert [summary[f"pq_class_{each}_pooled"] for each in range(3)] == pytest.approx(theirs, abs=1e-5)


def test_absent_class_is_left_out_and_one_sided_class_scores_zero():
    label_map = np.array([[1, 1, 0, 2, 2]])
    right = score_classes(label_map, label_map, {1: 1, 2: 1}, {1: 1, 2: 1}, classes=[1, 2])
    assert summarize_classes([right])["mpq_mean"] == 1
    assert np.isnan(summarize_classes([right])["pq_class_2_pooled"])
    wrong = score_classes(label_map, label_map, {1: 1, 2: 1}, {1: 2, 2: 2}, classes=[1, 2])
    assert summarize_classes([wrong])["mpq_pooled"] == 0


def test_refuses_a_label_without_class():
    label_map = np.array([[1, 2]])
    with pytest.raises(ValueError, match="predicted label 2 has no class"):
        score_classes(label_map, label_map, {1: 1, 2: 1}, {1: 1}, classes=[1])
    with pytest.raises(ValueError, match="at least one"):
        summarize_classes([])
