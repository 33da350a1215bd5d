"""Matching agrees with StarDist, panoptica, HoVer-Net and MONAI, and obeys its laws."""

import numpy as np
import pytest

from common.metrics import PERCENTS, contingency_table, match, matching_counts, matching_scores


def scores(truth, prediction, iou_rule="ge"):
    return matching_scores(matching_counts(contingency_table(truth, prediction), iou_rule=iou_rule))


def test_agrees_with_stardist_at_every_threshold(pairs):
    stardist = pytest.importorskip("stardist.matching")
    for truth, prediction in pairs:
        ours = scores(truth, prediction)
        found = stardist.matching(truth, prediction, thresh=tuple(percent / 100 for percent in PERCENTS))
        for percent, theirs in zip(PERCENTS, found, strict=True):
            assert ours[f"f1_{percent}"] == pytest.approx(theirs.f1)
            assert ours[f"ap_{percent}"] == pytest.approx(theirs.accuracy)
            assert ours[f"precision_{percent}"] == pytest.approx(theirs.precision)
            assert ours[f"recall_{percent}"] == pytest.approx(theirs.recall)
        assert ours["pq"] == pytest.approx(found[0].panoptic_quality)
        assert ours["sq"] == pytest.approx(found[0].mean_matched_score)


@pytest.mark.parametrize("iou_threshold", [0.05, 0.2, 0.35, 0.499])
def test_agrees_with_stardist_below_one_half(pairs, iou_threshold):
    stardist = pytest.importorskip("stardist.matching")
    for truth, prediction in pairs[:15]:
        table = contingency_table(truth, prediction)
        matches = match(table, iou_threshold=iou_threshold)
        theirs = stardist.matching(truth, prediction, thresh=iou_threshold)
        assert matches.sum() == theirs.tp
        # StarDist lets pairs below the threshold have a say in which of equally many matches it takes.
        assert table.ious[matches].sum() >= theirs.mean_matched_score * theirs.tp - 1e-5


def test_agrees_with_hover_net(pairs, hover_net):
    for truth, prediction in pairs[:20]:
        ours = scores(truth, prediction, "gt")
        (dq, sq, pq), _ = hover_net.get_fast_pq(
            hover_net.remap_label(truth), hover_net.remap_label(prediction)
        )
        assert (ours["dq"], ours["sq"], ours["pq"]) == pytest.approx((dq, sq, pq), abs=1e-5)


def test_agrees_with_monai(pairs):
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics")
    for truth, prediction in pairs[:5]:
        ours = scores(truth, prediction, "gt")
        for name, ids in (("pq", "pq"), ("sq", "sq"), ("rq", "dq")):
            theirs = monai.compute_panoptic_quality(
                torch.from_numpy(prediction.astype(np.int32)), torch.from_numpy(truth.astype(np.int32)), name
            )
            assert ours[ids] == pytest.approx(float(theirs), abs=1e-5)


def test_agrees_with_panoptica(pairs):
    panoptica = pytest.importorskip("panoptica")
    evaluator = panoptica.Panoptica_Evaluator(
        expected_input=panoptica.InputType.UNMATCHED_INSTANCE,
        instance_matcher=panoptica.NaiveThresholdMatching(matching_threshold=0.5),
        instance_metrics=[panoptica.Metric.IOU],
        global_metrics=[],
    )
    for truth, prediction in pairs[:5]:
        ours = scores(truth, prediction)
        found = evaluator.evaluate(prediction.astype(np.uint32), truth.astype(np.uint32), verbose=False)
        theirs = found["ungrouped"]
        assert (ours["pq"], ours["sq"], ours["dq"]) == pytest.approx((theirs.pq, theirs.sq, theirs.rq))


def test_perfect_is_one_under_both_rules(pairs):
    for truth, _ in pairs[:5]:
        for rule in ("ge", "gt"):
            assert set(scores(truth, truth, rule).values()) == {1.0}


def test_f1_ap_and_pq_are_symmetric_and_precision_mirrors_recall(pairs):
    for truth, prediction in pairs:
        there, back = scores(truth, prediction), scores(prediction, truth)
        for name, value in there.items():
            mirrored = name.replace("precision", "recall") if "precision" in name else name
            mirrored = name.replace("recall", "precision") if "recall" in name else mirrored
            assert back[mirrored] == pytest.approx(value)


def test_labels_are_only_names(pairs):
    rng = np.random.default_rng(0)
    for truth, prediction in pairs[:10]:
        names = np.concatenate([[0], 1 + rng.permutation(max(truth.max(), prediction.max()))])
        assert scores(names[truth], names[prediction]) == pytest.approx(scores(truth, prediction))


def test_two_halves_of_one_nucleus_count_once_at_ge_and_never_at_gt():
    nucleus, halves = np.ones((4, 4), int), np.repeat([[1, 1, 2, 2]], 4, axis=0)
    for truth, prediction in ((nucleus, halves), (halves, nucleus)):
        assert matching_counts(contingency_table(truth, prediction))["matches"].tolist() == [1] + [0] * 9
        assert scores(truth, prediction)["pq"] == pytest.approx(1 / 3)
        assert scores(truth, prediction, "gt")["f1_50"] == 0


def test_exact_thresholds_are_reached_at_ge_and_not_at_gt():
    truth = np.ones((1, 20), int)
    for percent in PERCENTS:
        prediction = (np.arange(20)[None] < percent // 5).astype(int)
        assert scores(truth, prediction)[f"f1_{percent}"] == 1
        assert scores(truth, prediction, "gt")[f"f1_{percent}"] == 0


def test_means_of_f1():
    truth = np.ones((1, 20), int)
    prediction = (np.arange(20)[None] < 15).astype(int)  # IoU .75
    assert scores(truth, prediction)["f1_mu"] == pytest.approx(3 / 5)
    assert scores(truth, prediction)["f1_50_95"] == pytest.approx(6 / 10)


def test_empty_images():
    empty, full = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert all(np.isnan(value) for value in scores(empty, empty).values())
    assert set(scores(empty, full).values()) == set(scores(full, empty).values()) == {0.0}


def test_no_match_at_all_scores_zero_not_nan():
    truth, prediction = np.array([[1, 1, 0, 0]]), np.array([[0, 0, 1, 1]])
    assert set(scores(truth, prediction).values()) == {0.0}


def test_refuses_unknown_rule_and_threshold():
    table = contingency_table(np.ones((2, 2), int), np.ones((2, 2), int))
    with pytest.raises(ValueError, match="'>='"):
        match(table, iou_rule=">=")
    with pytest.raises(ValueError, match="iou_threshold is 50"):
        match(table, iou_threshold=50)
