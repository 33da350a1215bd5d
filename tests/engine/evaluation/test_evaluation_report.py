"""Tests of ``metrics.json``."""

from __future__ import annotations

import json
import math

import pytest

from common.engine.evaluation import EvaluationReport
from common.engine.evaluation.instance_scores import known_scores
from common.metrics import HEADLINE


def test_the_file_holds_every_score_and_every_image(workshop, tmp_path):
    report = EvaluationReport(tmp_path / "new", split="validation", weights="model.pt")
    evaluator = workshop.evaluator([report], oracle=True)
    evaluator.run()
    content = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert set(known_scores()) <= set(content)
    for name, value in evaluator.state.instance_summary.items():
        assert content[name] is None if math.isnan(value) else content[name] == value
    assert (content["split"], content["weights"], content["iou_rule"]) == ("validation", "model.pt", "ge")
    assert [image["image"] for image in content["images"]] == [f"images/cells_{n}.png" for n in range(3)]
    assert all({"pq", "f1_50", "aji", "dice"} <= set(image) for image in content["images"])
    assert set(content["upper_bound"]) == {"oracle_f1_50_mean", "oracle_f1_50_pooled"}


def test_the_log_has_the_scores_that_tables_show_and_names_the_file(workshop, tmp_path, caplog):
    caplog.set_level("INFO", logger="common")
    evaluator = workshop.evaluator([EvaluationReport(tmp_path, split="validation")])
    evaluator.run()
    (scores,) = [line for line in caplog.messages if line.startswith("validation list, 3 images: ")]
    for name in HEADLINE:
        assert f"{name} {evaluator.state.instance_summary[name]:.3f}" in scores
    assert str(tmp_path / "metrics.json") in caplog.text


def test_the_file_and_the_log_have_the_scores_of_tissues(workshop, tmp_path, caplog):
    caplog.set_level("INFO", logger="common")
    report = EvaluationReport(tmp_path)
    evaluator = workshop.evaluator([report])
    evaluator.run()
    assert "tissues" not in json.loads((tmp_path / "metrics.json").read_text())
    evaluator.state.instance_summary |= {"bpq_mean": 0.5, "bpq_tissue_mean": 0.25}
    evaluator.state.tissues = {"Breast": {"n_images": 3, "n_scored": 0, "bpq_mean": math.nan}}
    report.completed(evaluator)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["tissues"] == {"Breast": {"n_images": 3, "n_scored": 0, "bpq_mean": None}}
    assert content["bpq_tissue_mean"] == 0.25 and "bpq_mean 0.500  bpq_tissue_mean 0.250" in caplog.text


def test_a_failure_leaves_the_earlier_file_as_it_was(workshop, tmp_path, monkeypatch):
    (tmp_path / "metrics.json").write_text("earlier")
    evaluator = workshop.evaluator([EvaluationReport(tmp_path)])

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        evaluator.run()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["earlier"]


def test_without_scores_there_is_an_error(workshop, tmp_path):
    trainer = workshop.trainer(1, [EvaluationReport(tmp_path)])
    with pytest.raises(ValueError, match="InstanceMetrics"):
        trainer.run()
