"""Tests of the scores that an evaluator leaves in its state."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events

from common.engine.checkpoints import BestCheckpoint
from common.engine.evaluation import InstanceMetrics, instance_metrics
from common.metrics import HEADLINE, binary_pq, score_image, summarize


def _pairs(count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    blocks = [np.kron(rng.integers(0, 5, (4, 4)), np.ones((6, 6), int)) for _ in range(count)]
    return [(truth, np.roll(truth, step, axis=1)) for step, truth in enumerate(blocks)]


def _state(metric: InstanceMetrics, items: list[dict], name: str = "pq_pooled"):
    engine = Engine(lambda engine, batch: [batch])
    metric.attach(engine, name)
    engine.run(items)
    return engine.state


def test_the_state_holds_what_the_metrics_say():
    pairs = _pairs()
    items = [{"label_map": torch.as_tensor(t)[None], "pred_map": torch.as_tensor(p)[None]} for t, p in pairs]
    state = _state(InstanceMetrics(), items)
    expected = summarize([score_image(t, p) for t, p in pairs])
    assert state.instance_summary == pytest.approx(expected, nan_ok=True)
    assert set(HEADLINE) | {"pq_pooled"} == set(state.metrics)
    assert all(state.metrics[name] == expected[name] for name in HEADLINE)
    assert [row["pq"] for row in state.instance_rows] == [score_image(t, p).values["pq"] for t, p in pairs]


def test_float_label_maps_and_planes_without_a_channel_score_the_same():
    truth, prediction = _pairs(2)[1]
    as_integers = _state(InstanceMetrics(), [{"label_map": truth[None], "pred_map": prediction[None]}])
    floats = {"label_map": torch.as_tensor(truth).float(), "pred_map": torch.as_tensor(prediction).float()}
    assert _state(InstanceMetrics(), [floats]).instance_summary == pytest.approx(
        as_integers.instance_summary, nan_ok=True
    )


def test_nothing_in_any_image_counts_as_zero_for_the_selection_only():
    empty = np.zeros((1, 8, 8), int)
    state = _state(InstanceMetrics(ids=["ap_50_pooled"]), [{"label_map": empty, "pred_map": empty}])
    assert state.metrics["pq_pooled"] == 0
    assert math.isnan(state.metrics["ap_50_pooled"])


def test_the_oracle_is_apart_from_the_scores():
    truth = np.kron(np.arange(1, 5).reshape(1, 4), np.ones((6, 6), int))
    merged = (truth > 0).astype(int)
    state = _state(InstanceMetrics(oracle=True), [{"label_map": truth, "pred_map": merged}])
    assert state.upper_bound["oracle_f1_50_pooled"] == 1
    assert state.instance_summary["f1_50_pooled"] < 1
    assert not any("oracle" in name for name in state.instance_summary)


def test_an_evaluator_of_monai_selects_by_the_named_score(workshop):
    evaluator = workshop.evaluator(select_by="f1_mu_pooled")
    evaluator.run()
    state = evaluator.state
    assert state.key_metric_name == "f1_mu_pooled"
    assert state.best_metric == state.metrics["f1_mu_pooled"]
    assert [row["image"] for row in state.instance_rows] == [f"images/cells_{n}.png" for n in range(3)]
    assert not math.isnan(state.instance_summary["pixel_ap_pooled"])  # the probability was found


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_the_worst(workshop, tmp_path, bad):
    values = [bad, 3.0, bad, 2.0]  # one a validation
    best = BestCheckpoint(tmp_path, workshop.network)
    evaluator = workshop.evaluator([best], select_by="val_loss")
    evaluator.add_event_handler(
        Events.EPOCH_STARTED, lambda e: e.state.metrics.update(val_loss=values[e.state.epoch - 1])
    )
    kept = []
    for epoch in range(1, 5):
        with torch.no_grad():
            workshop.network.bias.fill_(float(epoch))
        evaluator.run(epoch)
        kept.append(float(torch.load(tmp_path / "model.pt", weights_only=True)["bias"]))
    assert kept == [1, 2, 2, 4] and evaluator.state.best_metric_epoch == 4


def test_a_misspelt_score_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="'pq_poled'.*did you mean 'pq_pooled'"):
        InstanceMetrics().attach(Engine(lambda engine, batch: None), "pq_poled")
    with pytest.raises(ValueError, match="'f1_51_pooled'"):
        InstanceMetrics(ids=["f1_51_pooled"]).attach(Engine(lambda engine, batch: None), "pq_pooled")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"label_map": np.zeros((1, 4, 4), int)}, "pred_map"),
        ({"label_map": np.zeros((1, 4, 4), int), "pred_map": np.zeros((1, 4, 5), int)}, "own size"),
        ({"label_map": np.zeros((3, 4, 4), int), "pred_map": np.zeros((1, 4, 4), int)}, r"\(1, H, W\)"),
        ({"label_map": np.zeros((2, 4, 4), int), "pred_map": np.zeros((1, 4, 4), int)}, "nuclei alone"),
    ],
)
def test_what_cannot_be_scored_is_named(item, words):
    metric = InstanceMetrics()
    with pytest.raises((KeyError, ValueError), match=words):
        metric.update([item])


def test_whole_batches_are_refused():
    engine = Engine(lambda engine, batch: {"pred_map": batch})
    instance_metrics()["pq_pooled"].attach(engine, "pq_pooled")
    with pytest.raises(TypeError, match="decollate"):
        engine.run([torch.zeros(1, 1, 4, 4)])


def test_images_that_know_their_tissue_are_averaged_over_tissues_too():
    pairs = _pairs(4)
    items = [
        {"label_map": t[None], "pred_map": p[None], "tissue": tissue}
        for (t, p), tissue in zip(pairs, ("Breast", "Breast", "", "Liver"), strict=True)
    ]
    state = _state(InstanceMetrics(), items)
    bpq = [binary_pq(truth, prediction) for truth, prediction in pairs]
    summary = state.instance_summary
    assert summary["bpq_mean"] == pytest.approx((bpq[0] + bpq[1] + bpq[3]) / 3)
    assert summary["bpq_tissue_mean"] == pytest.approx(((bpq[0] + bpq[1]) / 2 + bpq[3]) / 2)
    assert summary["bpq_mean"] != pytest.approx(summary["bpq_tissue_mean"])
    assert {name: each["n_images"] for name, each in state.tissues.items()} == {"Breast": 2, "Liver": 1}
    assert [row.get("tissue") for row in state.instance_rows] == ["Breast", "Breast", None, "Liver"]
    assert state.instance_rows[3]["bpq"] == bpq[3] and "bpq" not in state.instance_rows[2]
    assert summary["pq_pooled"] == summarize([score_image(t, p) for t, p in pairs])["pq_pooled"]


def test_without_tissues_there_are_no_scores_of_tissues():
    (truth, prediction), *_ = _pairs(1)
    state = _state(
        InstanceMetrics(), [{"label_map": truth[None], "pred_map": prediction[None], "tissue": ""}]
    )
    assert not state.tissues and not [name for name in state.instance_summary if "bpq" in name]
