"""Tests of the sheet of the best and the worst images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.engine.evaluation import BestAndWorst
from common.engine.evaluation import best_and_worst as module


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the captions of every sheet that is made."""
    sheets: list[list[str]] = []

    def sheet(pictures, columns, captions):
        sheets.append(list(captions))
        return np.zeros((9, 9, 3), np.uint8)

    monkeypatch.setattr(module, "contact_sheet", sheet)
    return sheets


def scores_of(evaluator) -> dict[str, float]:
    return {row["image"]: row["pq"] for row in evaluator.state.instance_rows}


def test_the_best_come_first_and_the_worst_last(workshop, tmp_path, shown):
    evaluator = workshop.evaluator([BestAndWorst(tmp_path, count=1)])
    evaluator.run()
    ranked = sorted(scores_of(evaluator).values(), reverse=True)
    assert [float(caption.split()[1]) for caption in shown[0]] == pytest.approx(
        [ranked[0], ranked[-1]], abs=0.006
    )


def test_no_image_is_shown_twice(workshop, tmp_path, shown):
    workshop.evaluator([BestAndWorst(tmp_path, count=9)]).run()
    assert len(shown[0]) == len(set(shown[0])) == 3


def test_a_second_run_forgets_the_first(workshop, tmp_path, shown):
    evaluator = workshop.evaluator([BestAndWorst(tmp_path, count=9)])
    evaluator.run()
    evaluator.run()
    assert len(shown[1]) == 3


def test_the_kept_are_the_extremes_of_any_order():
    rng = np.random.default_rng(0)
    for order in (np.arange(20), np.arange(20)[::-1], rng.permutation(20)):
        sheet = BestAndWorst("unused", count=3)
        for value in order.astype(float).tolist():
            if sheet._belongs(value):
                sheet._keep(value, str(value), np.zeros((1, 1, 3), np.uint8))
        assert [kept[0] for kept in sheet._kept] == [19, 18, 17, 2, 1, 0]


def test_the_file_is_a_picture(workshop, tmp_path):
    workshop.evaluator([BestAndWorst(tmp_path / "new")]).run()
    with Image.open(tmp_path / "new" / "best_and_worst.png") as picture:
        assert picture.width > 3 * 3 * 24 and picture.height > 3 * 24  # enlarged, side by side
