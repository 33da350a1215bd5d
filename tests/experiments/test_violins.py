"""Violins of hand-made scores: every image is a point, the mean is the mean, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from common.experiments import RowScores, draw_violins

TIGHT, WIDE = [0.8, 0.81, 0.82, 0.83], [0.2, 0.5, 0.6, 0.9, 0.95]


def row(name: str, **scores: list[list[float]]) -> RowScores:
    """A row whose images scored so, each in one training or several."""
    by_image = {
        score: {f"{n}.png": values for n, values in enumerate(images)} for score, images in scores.items()
    }
    return RowScores(name, by_image=by_image)


def once(values: list[float]) -> list[list[float]]:
    return [[value] for value in values]


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, to be looked into."""
    saved: list[Figure] = []
    save = Figure.savefig

    def kept(self: Figure, *args: object, **options: object) -> None:
        saved.append(self)
        save(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    return saved


def test_every_image_is_a_point_in_its_rows_violin(tmp_path: Path, sheets: list[Figure]) -> None:
    rows = {"with SAM": row("a", dice=once(TIGHT)), "without": row("b", dice=[[0.1, 0.3], *once(WIDE[1:])])}
    file = draw_violins(tmp_path / "violins.png", rows, title="bundle, table: what\nbudget short")
    assert file is not None
    with Image.open(file) as picture:
        assert picture.format == "PNG" and picture.size[0] > 300
    (panel,) = sheets[0].axes
    assert panel.get_xlabel() == "dice" and [each.get_text() for each in panel.get_yticklabels()] == list(
        rows
    )
    # Of the first image of the second row, tested twice, the mean is shown.
    points = [sorted(line.get_xdata().tolist()) for line in panel.get_lines()]
    np.testing.assert_allclose(points[0], TIGHT)
    np.testing.assert_allclose(points[1], WIDE)
    for place, line in enumerate(panel.get_lines()):
        assert np.abs(line.get_ydata() - place).max() < 0.2
    violins = [each.get_paths()[0].vertices for each in panel.collections if isinstance(each, PolyCollection)]
    for place, (violin, values) in enumerate(zip(violins, (TIGHT, WIDE), strict=True)):
        assert violin[:, 0].min() == pytest.approx(min(values)) and violin[:, 0].max() == pytest.approx(
            max(values)
        )
        assert np.abs(violin[:, 1] - place).max() == pytest.approx(0.4)  # wide where most images are
        assert abs(violin[np.abs(violin[:, 1] - place).argmax(), 0] - np.median(values)) < 0.2
    lines = [each for each in panel.collections if isinstance(each, LineCollection)]
    for drawn, center in zip(lines, (np.mean, np.median), strict=True):
        expected = [[center(values), place] for place, values in enumerate((TIGHT, WIDE))]
        np.testing.assert_allclose([segment.mean(axis=0) for segment in drawn.get_segments()], expected)
    assert [drawn.get_linestyle()[0][1] is None for drawn in lines] == [False, True]  # dotted, and not


def test_a_panel_for_each_score_that_images_have(tmp_path: Path, sheets: list[Figure]) -> None:
    rows = {
        "all": row("all", dice=once(WIDE), aji=once(TIGHT), pq=[[float("nan")], [0.4]]),
        "none": row("none"),
        "one": row("one", dice=once([0.7])),
        "alike": row("alike", dice=once([0.7, 0.7, 0.7]), pq=once([1.0, 1.0])),
    }
    scores = ["dice_mean", "miou_mean", "pq_pooled", "dice_mean", "aji_mean", "pq_mean"]
    assert draw_violins(tmp_path / "a.png", rows, title="", scores=scores) is not None
    shown = [panel for panel in sheets[0].axes if panel.axison]
    assert [panel.get_xlabel() for panel in shown] == ["dice", "aji", "pq"]
    assert [[text.get_text() for text in panel.texts] for panel in shown] == [
        ["no scores"],
        3 * ["no scores"],
        2 * ["no scores"],
    ]
    assert [line.get_xdata().tolist() for line in shown[2].get_lines()] == [[0.4], [1.0, 1.0]]


def test_without_scores_of_images_there_is_no_picture(tmp_path: Path) -> None:
    rows = {"a": row("a"), "b": row("b", dice=[[float("nan")]])}
    assert draw_violins(tmp_path / "a.png", rows, title="") is None
    assert draw_violins(tmp_path / "a.png", {}, title="") is None and not list(tmp_path.iterdir())


def test_the_same_scores_give_the_same_picture(tmp_path: Path) -> None:
    rows = {"a": row("a", pq=once(np.random.default_rng(0).random(5000).tolist()))}
    one, other = (draw_violins(tmp_path / f"{n}.png", rows, title="x") for n in "ab")
    assert one is not None and other is not None and one.read_bytes() == other.read_bytes()
    assert one.stat().st_size < 300_000
