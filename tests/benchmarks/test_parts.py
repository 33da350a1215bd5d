"""The parts are timed on a realistic pair."""

import numpy as np
from skimage.measure import label

from common.benchmarks import parts
from common.metrics import score_image
from scripts import benchmark


def test_pair_is_as_large_and_crowded_as_the_limit_assumes():
    truth, prediction, probability = parts.make_pair()
    assert truth.shape == prediction.shape == probability.shape == (1024, 1024)
    assert 1300 <= len(np.unique(truth)) - 1 <= 1500
    assert label(truth > 0).max() < 0.8 * (len(np.unique(truth)) - 1)  # many nuclei touch
    assert 0 <= probability.min() <= probability.max() <= 1
    assert 0.2 < score_image(truth, prediction).values["pq"] < 0.95


def test_pair_is_the_same_for_a_seed_and_another_for_another():
    first, again, other = (parts.make_pair(size_px=128, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_metrics_part_runs(monkeypatch, capsys):
    small = parts.make_pair(size_px=128)
    monkeypatch.setattr(parts, "make_pair", lambda: small)
    rows = benchmark.benchmark("metrics", repeats=1)
    assert rows[0]["task"].startswith("all metrics (128 x 128")
    assert rows[0]["limit_ms"] == 300
    assert all(row["fastest_ms"] <= row["median_ms"] for row in rows)


def test_targets_part_runs(monkeypatch):
    small = parts.make_pair(size_px=128)
    monkeypatch.setattr(parts, "make_pair", lambda: small)
    (row,) = benchmark.benchmark("targets", repeats=1)
    assert row["task"].startswith("border weights (128 x 128") and row["limit_ms"] == 300


def test_curvature_part_times_both_modes_beside_a_training_step(monkeypatch):
    monkeypatch.setattr(parts, "tune_cpu", lambda: None)  # settings of the whole process
    tasks = parts.curvature_tasks(crops=1, side=64)
    names = " ".join(task.name for task in tasks)
    assert "training step" in tasks[0].name and "level_set" in names and "contour" in names
    for task in tasks:
        task.call()
