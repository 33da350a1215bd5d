"""Every score of an image and of a set: means, pooled values, empty images, JSON."""

import json
import math
import re

import numpy as np
import pytest

from common.metrics import ERROR_KINDS, HEADLINE, json_safe, score_image, scores_of_counts, summarize


def test_pooling_images_equals_scoring_them_side_by_side(pairs):
    # With a gap, so that no nucleus and no boundary band reaches the neighbour.
    gap = ((16, 16), (16, 16))
    images, truths, predictions = [], [], []
    for truth, prediction in pairs[:6]:
        truths.append(np.where(np.pad(truth, gap) > 0, np.pad(truth, gap) + 10_000 * len(truths), 0))
        predictions.append(
            np.where(np.pad(prediction, gap) > 0, np.pad(prediction, gap) + 10_000 * len(truths), 0)
        )
        images.append(score_image(truths[-1], predictions[-1]))
    together = score_image(np.concatenate(truths, axis=1), np.concatenate(predictions, axis=1)).values
    summary = summarize(images)
    for name, value in together.items():
        assert summary[f"{name}_pooled"] == pytest.approx(value, nan_ok=True), name


def test_mean_is_the_mean_over_images(pairs):
    images = [score_image(*pair) for pair in pairs[:7]]
    summary = summarize(images)
    for name in images[0].values.keys() - {"pixel_ap"}:
        assert summary[f"{name}_mean"] == pytest.approx(np.mean([image.values[name] for image in images]))


def test_one_image_has_equal_mean_and_pooled_values(pairs):
    truth, prediction = pairs[2]
    image = score_image(truth, prediction, probability=(prediction > 0).astype(np.float32))
    summary = summarize([image])
    assert image.values == scores_of_counts(image.counts)
    for name, value in image.values.items():
        assert summary[f"{name}_mean"] == summary[f"{name}_pooled"] == value


def test_empty_images_are_counted_and_left_out_of_means(pairs):
    empty = np.zeros((30, 30), int)
    images = [score_image(*pair) for pair in pairs[:3]]
    without, with_empty = summarize(images), summarize([*images, score_image(empty, empty)])
    assert (without["n_empty"], with_empty["n_empty"], with_empty["n_images"]) == (0, 1, 4)
    for name in without:
        if name not in ("n_empty", "n_images", "miou_pooled", "pixel_accuracy_pooled"):
            assert with_empty[name] == pytest.approx(without[name], nan_ok=True), name
    nothing = summarize([score_image(empty, empty)])
    assert all(math.isnan(value) for name, value in nothing.items() if not name.startswith("n_"))


def test_one_sided_image_scores_zero_in_the_mean(pairs):
    truth = pairs[0][0]
    good, missed = score_image(truth, truth), score_image(truth, 0 * truth)
    assert summarize([good, missed])["pq_mean"] == 0.5
    assert summarize([good, missed])["aji_pooled"] == 0.5


def test_every_id_of_the_definition_is_there_and_mlflow_takes_it(pairs):
    summary = summarize([score_image(*pairs[0])])
    ids = ["dice", "iou", "miou", "pixel_ap", "f1_mu", "f1_50_95", "sq", "dq", "pq", "aji", "aji_plus"]
    ids += [f"pixel_{name}" for name in ("accuracy", "precision", "recall", "f1")]
    ids += ["boundary_dice", "boundary_dice_instances"]
    ids += [f"{name}_{p}" for name in ("f1", "precision", "recall", "ap") for p in range(50, 100, 5)]
    expected = {f"{name}_{form}" for name in ids for form in ("mean", "pooled")}
    assert set(summary) == expected | {"n_images", "n_empty", "n_true", "n_predicted", *ERROR_KINDS}
    assert set(HEADLINE) <= set(summary)
    assert all(re.fullmatch(r"[\w\-./ :]+", name) for name in summary)


def test_images_without_probability_do_not_spoil_pixel_ap(pairs):
    truth, prediction = pairs[0]
    with_map = score_image(truth, prediction, probability=(prediction > 0).astype(np.float32))
    summary = summarize([with_map, score_image(truth, prediction)])
    assert summary["pixel_ap_pooled"] == summary["pixel_ap_mean"] == with_map.values["pixel_ap"]


def test_all_scores_stay_within_zero_and_one(pairs):
    for truth, prediction in pairs:
        values = [v for v in score_image(truth, prediction).values.values() if not math.isnan(v)]
        assert min(values) >= 0
        assert max(values) <= 1


def test_json_safe_round_trip(pairs):
    empty = np.zeros((3, 3), int)
    text = json.dumps(json_safe({"set": summarize([score_image(empty, empty)])}), allow_nan=False)
    assert json.loads(text)["set"]["pq_mean"] is None
    assert json_safe((np.int64(1), np.array([math.inf, 2.0]), "x", True)) == [1, [None, 2.0], "x", True]


def test_refuses_nothing_and_mixtures(pairs):
    with pytest.raises(ValueError, match="at least one"):
        summarize([])
    with pytest.raises(ValueError, match="iou_rule"):
        summarize([score_image(*pairs[0]), score_image(*pairs[0], iou_rule="gt")])
    with pytest.raises(ValueError, match="'le'"):
        score_image(*pairs[0], iou_rule="le")
