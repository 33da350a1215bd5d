"""A cell of a grid: one training and its evaluation, with all its settings."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_folder, bundle_names, read_json
from ..messages import suggest
from .table import Row, Table

__all__ = ["Cell", "cells_of", "slug"]


@dataclass(frozen=True)
class Cell:
    """One training of a row, and its evaluation on one list."""

    row: str
    bundle: str
    seed: int
    fold: int | None
    folds: int | None
    settings: Mapping[str, Any] = field(compare=False)
    """Top-level items that replace those of the bundle's train.json."""

    @property
    def folder(self) -> Path:
        """The cell's place within its grid: `sigma_9/seed0`, `sigma_9/seed0_fold1of3`."""
        fold = "" if self.fold is None else f"_fold{self.fold}of{self.folds}"
        return Path(slug(self.row)) / f"seed{self.seed}{fold}"

    @property
    def in_words(self) -> str:
        """Row, seed and fold as a person reads them."""
        fold = "" if self.fold is None else f", fold {self.fold} of {self.folds}"
        return f"{self.row}, seed {self.seed}{fold}"


def slug(name: str) -> str:
    """Return a name that can be a folder's.

    Example:
        >>> slug("Dice + K = 6000"), slug("sigma 9")
        ('Dice_plus_K_6000', 'sigma_9')
    """
    text = re.sub(r"[^\w.\-]+", "_", name.replace("+", " plus "))
    return re.sub(r"_+", "_", text).strip("_.") or "row"


def cells_of(
    table: Table,
    *,
    budget: str,
    seeds: Sequence[int],
    folds: int | None,
    common: Mapping[str, Any] | None = None,
) -> list[Cell]:
    """Return all cells of a table: every row for the first seed and fold, then for the next.

    In this order a grid that is cut has seen each row.

    Args:
        table: the table.
        budget: name of one of its budgets.
        seeds: seeds of the trainings.
        folds: number of folds, each scored once; None: the data set's lists as they are.
        common: settings of all cells, such as channels.

    Raises:
        ValueError: if a row sets what its bundle does not have, or names an overlay that is not there.
    """
    settings = {row.name: row_settings(table, row, budget) for row in table.rows}
    deal: list[int | None] = [None] if folds is None else list(range(folds))
    return [
        Cell(
            row.name, row.bundle, seed, fold, folds,
            {
                **settings[row.name],
                **(common or {}),
                **({} if fold is None else {"fold": fold, "folds": folds}),
                "seed": seed,
                "split": table.split,
            },
        )
        for seed in seeds
        for fold in deal
        for row in table.rows
    ]  # fmt: skip


def row_settings(table: Table, row: Row, budget: str) -> dict[str, Any]:
    """Return the top-level items that a row changes in its bundle's train.json.

    Later ones win: the row's overlays, its options, the table's budget, what the row has of its own for it.

    Args:
        table: the table.
        row: one of its rows.
        budget: name of one of its budgets.

    Raises:
        ValueError: naming the file, the row, the option and the nearest that there is.
    """
    place = f"{table.file.as_posix()}, row {row.name!r}"
    if row.bundle not in bundle_names():
        raise ValueError(f"{place}: there is no bundle {row.bundle!r}: {suggest(row.bundle, bundle_names())}")
    configs = bundle_folder(row.bundle) / "configs"
    own = read_json(configs / "train.json")
    changed: dict[str, Any] = {}
    for key, value in _given(row, configs, table.budgets[budget], row.budgets.get(budget, {}), place):
        _put(changed, own, key, value, place)
    return changed


def _given(
    row: Row, configs: Path, budget: Mapping[str, Any], row_budget: Mapping[str, Any], place: str
) -> Iterator[tuple[str, Any]]:
    for name in row.overlays:
        file = configs / f"{name}.json"
        if not file.is_file():
            there = sorted(
                each.relative_to(configs).with_suffix("").as_posix() for each in configs.rglob("*.json")
            )
            raise ValueError(f"{place}: there is no overlay {name!r} in {configs}: {suggest(name, there)}")
        yield from read_json(file).items()
    for part in (row.options, budget, row_budget):
        yield from part.items()


def _put(changed: dict[str, Any], own: Mapping[str, Any], key: str, value: Any, place: str) -> None:
    """Set an item of a configuration, or a part of one, "network_def::sigmas"."""
    root, *inner = key.replace("#", "::").split("::")
    if root not in own:
        raise ValueError(f"{place}: there is no option {root!r}: {_nearest_option(root, own)}")
    if not inner:
        changed[root] = copy.deepcopy(value)
        return
    whole = changed.setdefault(root, copy.deepcopy(own[root]))
    for part in inner[:-1]:
        whole = whole.get(part) if isinstance(whole, dict) else None
    if not isinstance(whole, dict):
        raise ValueError(f"{place}: {key!r} cannot be set, because {root!r} has no such part: give it whole")
    whole[inner[-1]] = copy.deepcopy(value)


def _nearest_option(name: str, own: Mapping[str, Any]) -> str:
    hint = suggest(name, list(own))
    return hint if hint.startswith("did") else "those of the bundle's train.json can be set"
