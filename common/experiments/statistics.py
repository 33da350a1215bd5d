"""Means with what is known of their chance: spread over trainings, bootstrap intervals over images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from .cell import Cell
from .table import COLUMNS, Table

__all__ = [
    "Figure",
    "RowScores",
    "bootstrap_interval",
    "collect",
    "holm",
    "mean_and_spread",
    "paired_difference",
    "paired_test",
]

_DRAWS, _FLIPS = 2000, 9999
_LEVEL = 0.95


@dataclass(frozen=True)
class Figure:
    """A score of a row: its mean, and what is known of its chance."""

    mean: float
    spread: float
    """Standard deviation over the seeds, or over the folds where there is one seed; NaN of a single one."""
    number: int
    """Of how many it is the mean."""
    interval: tuple[float, float] | None
    """95 % bootstrap interval over the scored images; None where single images have no such score."""

    def __str__(self) -> str:
        """Return mean, spread and interval as a table shows them.

        Example:
            >>> str(Figure(0.5, 0.02, 3, (0.45, 0.55))), str(Figure(0.5, math.nan, 1, None))
            ('0.500 ± 0.020 [0.450, 0.550]', '0.500')
        """
        spread = "" if math.isnan(self.spread) else f" ± {self.spread:.3f}"
        interval = "" if self.interval is None else f" [{self.interval[0]:.3f}, {self.interval[1]:.3f}]"
        return f"{self.mean:.3f}{spread}{interval}"


@dataclass
class RowScores:
    """What the finished cells of a row scored."""

    name: str
    by_cell: dict[tuple[int, int | None], dict[str, float]] = field(default_factory=dict)
    """(seed, fold) -> score -> value."""
    by_image: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Score without `_mean` -> image -> its value in each training that it was tested in."""
    failed: str | None = None
    """Why a cell has no scores, the first one's sentence."""

    def values(self, column: str) -> dict[tuple[int, int | None], float]:
        """Return a score of each cell where it is defined."""
        each = {place: scores.get(column, math.nan) for place, scores in self.by_cell.items()}
        return {place: value for place, value in each.items() if not math.isnan(value)}

    def images(self, column: str) -> dict[str, float]:
        """Return a score of each image, the mean over the trainings; empty for scores of all images."""
        if not column.endswith("_mean"):
            return {}
        per_image = self.by_image.get(column.removesuffix("_mean"), {})
        return {image: float(np.mean(values)) for image, values in per_image.items()}

    def figure(self, column: str) -> Figure | None:
        """Return the figure of a score, None where no cell has it."""
        values = self.values(column)
        if not values:
            return None
        mean, spread, number = mean_and_spread(values)
        images = self.images(column)
        return Figure(mean, spread, number, bootstrap_interval(list(images.values())) if images else None)


def mean_and_spread(values: Mapping[tuple[int, int | None], float]) -> tuple[float, float, int]:
    """Return mean and standard deviation over seeds (of each the mean over its folds), else over folds.

    Args:
        values: (seed, fold) -> score; at least one.

    Returns:
        Mean, sample standard deviation (NaN where there is one), and of how many.

    Example:
        >>> mean_and_spread({(0, 0): 0.2, (0, 1): 0.4, (1, 0): 0.6, (1, 1): 0.8})[2]
        2
        >>> mean_and_spread({(0, None): 0.5})
        (0.5, nan, 1)
    """
    seeds = sorted({seed for seed, _ in values})
    each = [float(np.mean([v for (s, _), v in values.items() if s == seed])) for seed in seeds]
    mean = float(np.mean(each))
    if len(each) == 1:
        each = list(values.values())
    spread = float(np.std(each, ddof=1)) if len(each) > 1 else math.nan
    return mean, spread, len(each)


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a mean when the images are drawn anew, with replacement.

    The draws are the same in every call with as many values.

    Args:
        values: one for each image.

    Returns:
        Both ends; None for fewer than two images.

    Example:
        >>> low, high = bootstrap_interval([0.4, 0.5, 0.6, 0.7])
        >>> 0.4 <= low < 0.55 < high <= 0.7
        True
    """
    if len(values) < 2:
        return None
    result = stats.bootstrap(
        (np.asarray(values, dtype=float),), np.mean, axis=0, confidence_level=_LEVEL, n_resamples=_DRAWS,
        method="percentile", random_state=np.random.default_rng(0),
    )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def paired_difference(one: RowScores, other: RowScores, column: str) -> tuple[float, float] | None:
    """Return the bootstrap interval over images of how much one row is above another, image by image.

    Args:
        one: a row.
        other: another, tested on the same images.
        column: a score that single images have.

    Returns:
        Both ends; None where they share fewer than two images, or images have no such score.
    """
    first, second = one.images(column), other.images(column)
    shared = sorted(first.keys() & second.keys())
    return bootstrap_interval([first[image] - second[image] for image in shared])


def paired_test(one: RowScores, other: RowScores, column: str) -> float | None:
    """Return how often chance alone would set two rows as far apart: a permutation test, image by image.

    Where it makes no difference which of the two segmented an image, the sign of each image's difference is a
    coin's: the signs are drawn anew.

    Args:
        one: a row.
        other: another, tested on the same images.
        column: a score that single images have.

    Returns:
        The two-sided p-value, 0 to 1; None where they share fewer than two images, or images have no such
        score.
    """
    first, second = one.images(column), other.images(column)
    shared = sorted(first.keys() & second.keys())
    if len(shared) < 2:
        return None
    differences = np.array([first[image] - second[image] for image in shared])
    result = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, axis=0, n_resamples=_FLIPS,
        random_state=np.random.default_rng(0),
    )  # fmt: skip
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values of several tests such that all together err no more often than one alone.

    Args:
        p_values: of single tests.

    References:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6,
        1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = list(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def collect(
    table: Table, scores: Mapping[Cell, Mapping[str, Any]], failures: Mapping[Cell, str]
) -> dict[str, RowScores]:
    """Sort what cells scored by their rows.

    Args:
        table: the table.
        scores: finished cell -> its metrics.json.
        failures: failed cell -> why.

    Returns:
        Row -> its scores, in the table's order.
    """
    rows = {row.name: RowScores(row.name) for row in table.rows}
    for cell, report in scores.items():
        row = rows[cell.row]
        told = {**report, **(report.get("upper_bound") or {})}
        row.by_cell[cell.seed, cell.fold] = {
            column: float(told[column]) for column in COLUMNS if told.get(column) is not None
        }
        for image in report.get("images", []):
            for name, value in image.items():
                if isinstance(value, (int, float)):
                    row.by_image.setdefault(name, {}).setdefault(image["image"], []).append(float(value))
    for cell, why in failures.items():
        if rows[cell.row].failed is None:
            rows[cell.row].failed = why
    return rows
