"""A table's results as text: Markdown for people, CSV for programs; the same cells give the same bytes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .statistics import RowScores
from .table import Table
from .verdict import verdict

__all__ = ["Conditions", "cells_csv", "markdown", "table_csv"]

_MAX_WORDS = 200  # characters of a failure in the table; the log has all


@dataclass(frozen=True)
class Conditions:
    """Under which conditions the cells of a table were run."""

    budget: str
    dataset: str
    fingerprint: str
    seeds: tuple[int, ...]
    folds: int | None
    split: str = "test"
    platform: str | None = None

    @property
    def in_words(self) -> str:
        """All of it in a line, which every figure carries."""
        folds = "the data set's lists" if self.folds is None else f"{self.folds} folds"
        if self.platform is not None:
            folds = f"{self.platform} tested, trained on the others"
        seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"
        return f"budget {self.budget}, {self.dataset}, {self.split} images, {seeds}, {folds}"


def markdown(table: Table, rows: Mapping[str, RowScores], conditions: Conditions) -> str:
    """Return a table in Markdown, with a sentence for each claim and for what failed.

    Args:
        table: the table.
        rows: row -> its scores.
        conditions: how they were run.
    """
    head = [
        "",
        *(f"{column} | paper" if _is_published(table, column) else column for column in table.columns),
    ]
    count = 1 + sum(1 + _is_published(table, column) for column in table.columns)
    lines = [
        f"# {table.bundle}: {table.title}",
        "",
        f"{conditions.in_words} (data {conditions.fingerprint}).",
        "",
        f"Paper: {table.paper}",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * count}",
    ]
    for row in table.rows:
        shown = [row.name]
        for column in table.columns:
            shown.append(str(rows[row.name].figure(column) or "-"))
            if _is_published(table, column):
                shown.append(_number(row.published.get(column, math.nan)))
        lines.append(f"| {' | '.join(shown)} |")
    lines += ["", _explanation(conditions), ""]
    lines += [f"- {verdict(claim, rows)}" for claim in table.claims]
    failed = [
        f"- {name}: not all trainings have scores: {scores.failed[:_MAX_WORDS]}"
        for name, scores in rows.items()
        if scores.failed
    ]
    return "\n".join([*lines, *(["", *failed] if failed else [])]) + "\n"


def table_csv(table: Table, rows: Mapping[str, RowScores], conditions: Conditions) -> str:
    """Return a line for each row and score: mean, spread, interval and the published figure.

    Args:
        table: the table.
        rows: row -> its scores.
        conditions: how they were run.
    """
    lines: list[Sequence[object]] = [
        ("table", "row", "score", "mean", "spread", "number", "low_95", "high_95", "published",
         "budget", "dataset", "data_fingerprint")
    ]  # fmt: skip
    for row in table.rows:
        for column in table.columns:
            figure = rows[row.name].figure(column)
            low, high = (figure.interval if figure else None) or (None, None)
            lines.append((
                f"{table.bundle}/{table.name}", row.name, column,
                figure and _exact(figure.mean), figure and _exact(figure.spread),
                figure.number if figure else 0, _exact(low), _exact(high), row.published.get(column, ""),
                conditions.budget, conditions.dataset, conditions.fingerprint,
            ))  # fmt: skip
    return _csv(lines)


def cells_csv(table: Table, rows: Mapping[str, RowScores]) -> str:
    """Return a line for each finished cell: row, seed, fold and the table's scores.

    Args:
        table: the table.
        rows: row -> its scores.
    """
    lines: list[Sequence[object]] = [("row", "seed", "fold", *table.columns)]
    for row in table.rows:
        for (seed, fold), scores in sorted(rows[row.name].by_cell.items(), key=str):
            values = [_exact(scores.get(column)) for column in table.columns]
            lines.append((row.name, seed, "" if fold is None else fold, *values))
    return _csv(lines)


def _explanation(conditions: Conditions) -> str:
    over = "seeds" if len(conditions.seeds) > 1 else "folds" if conditions.folds else ""
    spread = (
        f"± the standard deviation over {over}"
        if over
        else "One training each, so that nothing is known of their spread"
    )
    return (
        f"{spread}; in brackets the 95 % bootstrap interval over the images (scores that are means over"
        " images). The paper's images, and mostly its budget, are others: compare the directions."
    )


def _is_published(table: Table, column: str) -> bool:
    return any(column in row.published for row in table.rows)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:g}"


def _exact(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6f}"


def _csv(lines: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
