"""A table of a paper as a grid of trainings: what is compared, how long, on which scores, what is claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_folder, project_root, read_json
from ..engine.evaluation.instance_scores import known_scores
from ..messages import suggest

__all__ = ["COLUMNS", "Claim", "Row", "Table", "read_table", "table_names"]

COLUMNS = (*known_scores(), "oracle_f1_50_mean", "oracle_f1_50_pooled")
"""The scores that a table can have: what an evaluation's metrics.json holds, the oracle's apart."""
_TABLE = ("title", "paper", "seeds", "folds", "default_budget", "budgets", "columns", "claims", "rows")
_MAYBE = ("split",)
_SPLITS = ("validation", "test")
_ROW = ("name", "bundle", "overlays", "options", "budgets", "published")
_CLAIM = ("says", "score", "better", "worse", "alike", "within")


@dataclass(frozen=True)
class Row:
    """One method or variant: the settings of its trainings, and what the paper measured."""

    name: str
    bundle: str
    """The bundle that it trains, mostly the table's own."""
    overlays: tuple[str, ...] = ()
    """Files of the bundle's `configs`, without `.json`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Items of train.json, or parts of them ("network_def::sigmas"), that replace."""
    budgets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Budget -> settings that this row has beside the table's under that budget."""
    published: Mapping[str, float] = field(default_factory=dict)
    """Score -> the paper's figure, 0..1; what the paper does not state is left out."""


@dataclass(frozen=True)
class Claim:
    """What the paper says of its rows: that some beat others on a score, or that some are alike on it."""

    says: str
    score: str
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    within: float = 0.0
    """How far apart the means of rows may lie that are called alike."""


@dataclass(frozen=True)
class Table:
    """A grid of trainings, each row with each seed and each fold."""

    name: str
    bundle: str
    file: Path
    title: str
    paper: str
    seeds: tuple[int, ...]
    folds: int | None
    """None: the data set's own lists."""
    default_budget: str
    budgets: Mapping[str, Mapping[str, Any]]
    """Name of a budget -> settings of all rows."""
    columns: tuple[str, ...]
    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    split: str = "test"
    """The list that is scored: what is chosen by a table is chosen on validation."""


def table_names(bundle: str) -> list[str]:
    """Return the names of a bundle's tables, sorted.

    Args:
        bundle: its name.

    Raises:
        FileNotFoundError: if there is no such bundle.
    """
    return sorted(file.stem for file in (bundle_folder(bundle) / "tables").glob("*.json"))


def read_table(bundle: str, name: str) -> Table:
    """Read a table and look it through, all but the settings of its rows.

    Args:
        bundle: name of the bundle.
        name: name of the table, a file of the bundle's `tables` without `.json`.

    Raises:
        FileNotFoundError: if there is no such bundle or table; the nearest is named.
        ValueError: if the file is not what a table has to be, with the first fault.
    """
    folder = bundle_folder(bundle)
    names = table_names(bundle)
    if name not in names:
        others = {file.parents[1].name for file in project_root().glob("bundles/*/tables/*.json")}
        where = f"bundles with tables are {', '.join(sorted(others))}" if others else "no bundle has tables"
        hint = suggest(str(name), names) if names else f"the bundle has none, {where}"
        raise FileNotFoundError(f"{folder.name} has no table {str(name)!r}: {hint}")
    file = folder / "tables" / f"{name}.json"
    return table_of(read_json(file), bundle=folder.name, file=file)


def table_of(content: Mapping[str, Any], *, bundle: str, file: Path) -> Table:
    """Make a table of what its file holds.

    Args:
        content: what the file holds.
        bundle: name of the bundle whose table it is.
        file: the file, for the sentences.

    Raises:
        ValueError: for the first fault, naming the file, the key and the value.
    """
    where = file.as_posix()
    _check_keys(content, (*_TABLE, *_MAYBE), _TABLE, where)
    rows = tuple(_row(row, bundle, where) for row in _list(content, "rows", where))
    names = [row.name for row in rows]
    if len(rows) < 2 or len(set(names)) < len(names):
        raise ValueError(f"{where}: rows needs two rows or more, each with a name of its own, not {names}")
    columns = tuple(_list(content, "columns", where))
    for column in columns:
        _one_of(column, COLUMNS, f"{where}: columns", "score")
    for row in rows:
        for column in row.published:
            _one_of(column, columns, f"{where}: row {row.name!r}, published", "column")
        for budget in row.budgets:
            _one_of(budget, list(content["budgets"]), f"{where}: row {row.name!r}", "budget")
    _one_of(content["default_budget"], list(content["budgets"]), where, "budget")
    claims = tuple(_claim(claim, names, columns, where) for claim in content["claims"])
    seeds, folds = tuple(_list(content, "seeds", where)), content["folds"]
    if not all(_whole(seed, 0) for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"{where}: seeds must be different whole numbers of at least 0, not {list(seeds)}")
    if folds is not None and not _whole(folds, 3):
        raise ValueError(f"{where}: folds must be 3 or more, or null for the data set's lists, not {folds!r}")
    split = content.get("split", "test")
    _one_of(split, _SPLITS, where, "split")
    texts = {name: content[name] for name in ("title", "paper", "default_budget", "budgets")}
    return Table(
        name=file.stem, bundle=bundle, file=file, seeds=seeds, folds=folds,
        columns=columns, claims=claims, rows=rows, split=split, **texts,
    )  # fmt: skip


def _row(row: Mapping[str, Any], bundle: str, where: str) -> Row:
    place = f"{where}: row {row.get('name', '')!r}"
    _check_keys(row, _ROW, ("name",), place)
    more = {**row, "overlays": tuple(row.get("overlays", ()))}
    return Row(**{"bundle": bundle, **more})


def _claim(claim: Mapping[str, Any], names: Sequence[str], columns: Sequence[str], where: str) -> Claim:
    place = f"{where}: claim {claim.get('says', '')!r:.60}"
    _check_keys(claim, _CLAIM, ("says", "score"), place)
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in claim.items()}
    made = Claim(**values)
    _one_of(made.score, columns, place, "column")
    for name in (*made.better, *made.worse, *made.alike):
        _one_of(name, names, place, "row")
    if not (made.better and made.worse) and len(made.alike) < 2:
        raise ValueError(f"{place} compares nothing: name rows as better and worse, or two or more as alike")
    return made


def _check_keys(content: Mapping[str, Any], known: Sequence[str], needed: Sequence[str], where: str) -> None:
    for key in content:
        _one_of(key, known, where, "key")
    for key in needed:
        if key not in content:
            raise ValueError(f"{where}: {key} is missing")


def _list(content: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = content[key]
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where}: {key} must be a list with something in it, not {value!r:.60}")
    return value


def _one_of(value: Any, known: Sequence[str], where: str, what: str) -> None:
    if value not in known:
        raise ValueError(f"{where}: there is no {what} {value!r}: {_few(str(value), known)}")


def _few(value: str, known: Sequence[str]) -> str:
    # Of a hundred scores only the nearest helps.
    hint = suggest(value, known)
    return hint if len(hint) < 300 else "those of an evaluation's metrics.json can be used"


def _whole(value: Any, lowest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest
