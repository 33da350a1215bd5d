"""Laws of the search: it ends at no worse than it began, tries nothing twice, and does not follow luck."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from common.engine.evaluation import search_options

CANDIDATES = {"a": (1, 2, 3, 4, 5), "b": (0.1, 0.5, 0.9)}
START = {"a": 1, "b": 0.5}


def hill(options: Mapping[str, Any]) -> float:
    """Highest at a = 4, b = 0.1, and the best b depends on a."""
    return -((options["a"] - 4) ** 2) - (options["b"] - 0.1) ** 2 * options["a"]


def test_finds_the_top_of_a_hill() -> None:
    trials = search_options(hill, START, CANDIDATES)
    assert trials[-1].options == {"a": 4, "b": 0.1} and trials[0].options == START
    assert trials[-1].score == max(trial.score for trial in trials)


@pytest.mark.parametrize("seed", range(5))
def test_never_below_the_start_and_nothing_twice(seed: int) -> None:
    values = np.random.default_rng(seed).random((6, 10))
    asked = []

    def score(options: Mapping[str, Any]) -> float:
        asked.append(tuple(options.items()))
        return values[options["a"], int(options["b"] * 10)]

    trials = search_options(score, START, CANDIDATES)
    assert len(set(asked)) == len(asked) == len(trials) - 1
    assert trials[-1].score >= trials[0].score


def test_what_gains_too_little_stays() -> None:
    trials = search_options(lambda o: 0.0004 * o["a"], START, CANDIDATES, least_gain=0.01)
    assert trials[-1].options == START
    assert search_options(lambda o: 0.004 * o["a"], START, CANDIDATES, least_gain=0.01)[-1].options["a"] == 4


def test_undefined_scores_are_the_worst() -> None:
    assert search_options(lambda o: math.nan if o["a"] < 3 else 0.5, START, CANDIDATES)[-1].options["a"] == 3
    assert search_options(lambda o: math.nan, START, CANDIDATES)[-1].options == START
