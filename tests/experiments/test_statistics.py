"""Spread, intervals and the sentence on a claim, on numbers that can be reckoned by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from common.experiments import (
    Cell,
    Claim,
    RowScores,
    bootstrap_interval,
    collect,
    holm,
    mean_and_spread,
    paired_test,
    table_of,
    verdict,
)


def row(name: str, *seeds: float, images: list[float] | None = None) -> RowScores:
    made = RowScores(name, {(seed, None): {"dice_mean": value} for seed, value in enumerate(seeds)})
    made.by_image = {"dice": {str(n): [value] for n, value in enumerate(images or [])}}
    return made


def test_the_spread_is_over_seeds_and_folds_count_once() -> None:
    mean, spread, number = mean_and_spread({(0, 0): 0.2, (0, 1): 0.4, (1, 0): 0.6, (1, 1): 0.8})
    assert (round(mean, 9), number) == (0.5, 2) and spread == pytest.approx(0.4 / math.sqrt(2))
    assert mean_and_spread({(0, 0): 0.2, (0, 1): 0.4})[1:] == (pytest.approx(0.2 / math.sqrt(2)), 2)


def test_the_interval_shrinks_with_the_root_of_the_number() -> None:
    few, many = bootstrap_interval([0.0, 1.0] * 8), bootstrap_interval([0.0, 1.0] * 128)
    assert few is not None and many is not None
    assert (few[1] - few[0]) / (many[1] - many[0]) == pytest.approx(4, rel=0.15)
    assert many[1] - many[0] == pytest.approx(2 * 1.96 * 0.5 / 16, rel=0.1)
    assert bootstrap_interval([0.3]) is None and bootstrap_interval([0.3, 0.3]) == pytest.approx((0.3, 0.3))


def test_each_image_counts_once_and_what_has_no_score_not_at_all(content: dict[str, Any]) -> None:
    table = table_of(content, bundle="logsage", file=Path("tiny.json"))
    cells = [Cell("a", "logsage", seed, None, None, {}) for seed in (0, 1)]
    reports = {
        cell: {
            "dice_mean": value,
            "pq_pooled": None,
            "images": [{"image": "x", "dice": value}, {"image": "y", "dice": None}],
            "upper_bound": {"oracle_f1_50_mean": 0.9},
        }
        for cell, value in zip(cells, (0.2, 0.6), strict=True)
    }
    found = collect(table, reports, {})["a"]
    assert found.images("dice_mean") == {"x": pytest.approx(0.4)} and found.images("dice_pooled") == {}
    assert found.figure("pq_pooled") is None
    oracle = found.figure("oracle_f1_50_mean")
    assert oracle is not None and oracle.mean == pytest.approx(0.9)


GOOD = [0.8, 0.82, 0.84]
BETTER = Claim("A beats B", "dice_mean", better=("a",), worse=("b",))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row("a", *GOOD, images=GOOD), row("b", 0.5, 0.6, 0.7, images=[0.5, 0.6, 0.7])],
         r"the direction held: a 0.820 against b 0.600 .* 3 of 3 .* \+0.140 to \+0.300 .*more than chance"),
        ([row("a", *GOOD), row("b", 0.9, 0.7, 0.7)], "the direction held: .* 2 of 3 .*which may be chance"),
        ([row("a", 0.8), row("b", 0.7)], "held: .*fewer than 3 trainings of each cannot exclude chance"),
        ([row("a", 0.5, 0.5, 0.5), row("b", *GOOD)], "direction did not hold: .*0 of 3 .*, more than chance"),
        ([row("a", *GOOD), row("b")], "cannot be said, there is no dice_mean of b"),
    ],
)  # fmt: skip
def test_the_sentence_says_what_came_out(rows: list[RowScores], says: str) -> None:
    import re

    told = verdict(BETTER, {each.name: each for each in rows})
    assert told.startswith("A beats B: ") and re.search(says, told), told


def test_of_several_rivals_the_strongest_is_named() -> None:
    claim = Claim("A is best", "dice_mean", better=("a",), worse=("b", "c"))
    told = verdict(claim, {"a": row("a", 0.7), "b": row("b", 0.5), "c": row("c", 0.8)})
    assert "the direction held in 1 of 2 comparisons; the closest, or worst: a 0.700 against c 0.800" in told


@pytest.mark.parametrize(("other", "word"), [(0.705, "held"), (0.72, "did not hold")])
def test_rows_are_alike_within_what_the_table_says(other: float, word: str) -> None:
    claim = Claim("No difference", "dice_mean", alike=("a", "b"), within=0.01)
    assert f"No difference: {word}." in verdict(claim, {"a": row("a", 0.7), "b": row("b", other)})


def test_the_paired_test_sees_a_difference_that_images_agree_on() -> None:
    images = [0.1 * number for number in range(10)]
    one, other = row("a", 0.5, images=[value + 0.05 for value in images]), row("b", 0.5, images=images)
    p = paired_test(one, other, "dice_mean")
    # All ten on one side: of 2^10 patterns of signs two are as far from zero.
    assert p == pytest.approx(2 / 1024) and paired_test(other, one, "dice_mean") == p
    assert paired_test(one, one, "dice_mean") == 1
    mixed = row("c", 0.5, images=[value + 0.05 * (-1) ** number for number, value in enumerate(images)])
    assert paired_test(mixed, other, "dice_mean") == 1
    assert (
        paired_test(one, other, "dice_pooled") is None
        and paired_test(row("d", 1), other, "dice_mean") is None
    )


def test_holm_is_the_sharpest_of_several_made_safe() -> None:
    assert holm([0.04]) == [0.04] and holm([]) == []
    assert holm([0.03, 0.01, 0.9]) == pytest.approx([0.06, 0.03, 0.9]) and max(holm([0.5, 0.6])) == 1
