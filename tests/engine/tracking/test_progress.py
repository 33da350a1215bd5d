"""Tests of what is shown during a training."""

from __future__ import annotations

import re

import pytest

from common.engine.evaluation import ValidationLoss
from common.engine.tracking import Progress
from common.engine.tracking.progress import duration


def test_one_line_per_epoch_with_loss_scores_best_and_time(workshop, capsys):
    evaluator = workshop.evaluator([ValidationLoss(workshop.loss)])
    workshop.trainer(3, [Progress(evaluator)], evaluator).run()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    number = r"\d+\.\d{3}"
    for epoch, line in enumerate(lines, start=1):
        left = r", \d+ s left" if epoch < 3 else ""
        pattern = rf"epoch {epoch}/3  loss {number} \| val loss {number} pq {number} f1_50 {number}"
        assert re.fullmatch(rf"{pattern} \| best {number} @\d \| \d+ s{left}", line), line


def test_scores_of_an_earlier_epoch_are_not_shown_as_this_one(workshop, capsys):
    evaluator = workshop.evaluator()
    workshop.trainer(2, [Progress(evaluator)], evaluator, interval=2).run()
    first, second = capsys.readouterr().out.splitlines()
    assert "val" not in first and "val" in second


def test_lines_within_an_epoch_where_there_is_no_terminal(workshop, capsys):
    workshop.trainer(1, [Progress(every_seconds=0.0)]).run()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines[:3]] == ["1/3", "2/3", "3/3"]


def test_a_bar_on_a_terminal(workshop, capsys):
    evaluator = workshop.evaluator()
    workshop.trainer(2, [Progress(evaluator, bar=True)], evaluator).run()
    shown = capsys.readouterr().out
    assert "training" in shown and "validation" in shown and "loss=" in shown
    assert len(re.findall(r"epoch \d/2  loss", shown)) == 2


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0 s"), (59.0, "59 s"), (61.0, "1 min"), (3600.0, "1 h 0 min")]
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words
