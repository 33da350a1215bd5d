"""The run in MLflow that the runs of a grid's cells lie below."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..engine.tracking import TAGS_VARIABLE, MLflowStore, code_tags
from ..files import write_whole
from .cell import Cell
from .report import Conditions
from .table import Table

__all__ = ["ParentRun"]

_FILE = "mlflow.json"


class ParentRun:
    """One run for a table under its conditions, continued by each later start of the same grid.

    Args:
        table: the table.
        conditions: how it is run; the data set's name is the experiment's, as that of every training.
        folder: the grid's folder, in which the run's id is kept.
        enabled: whether anything is noted in MLflow.
    """

    def __init__(self, table: Table, conditions: Conditions, folder: Path, *, enabled: bool = True) -> None:
        self.table, self.conditions, self.folder = table, conditions, folder
        name = f"{table.bundle} {table.name} {conditions.budget}"
        self.store = MLflowStore(conditions.dataset, name) if enabled else None

    def open(self) -> None:
        """Begin the run, or go on with that of an earlier start.

        Raises:
            ConnectionError: if no server answers.
            RuntimeError: if the store refuses, for example because another program has locked it.
        """
        if self.store is None:
            return
        tags = {
            **code_tags(), **self._tags(), "job": "table", "variant": "table",
            "data_fingerprint": self.conditions.fingerprint,
            "mlflow.note.content": f"{self.table.title}\n\n{self.conditions.in_words}",
        }  # fmt: skip
        params = {"table": self.table.name, "seeds": self.conditions.seeds, "folds": self.conditions.folds}
        self.store.open(params=params, tags=tags, run_id=self._earlier())
        text = json.dumps({"run_id": self.store.run_id})
        write_whole(self.folder / _FILE, lambda part: part.write_text(text, encoding="utf-8"))

    def environment(self, cell: Cell) -> Mapping[str, str]:
        """Return the variables that put the runs of a cell below this one.

        Args:
            cell: the cell.
        """
        if self.store is None:
            return {}
        tags = {**self._tags(), "row": cell.row, "mlflow.parentRunId": self.store.run_id}
        return {TAGS_VARIABLE: json.dumps(tags)}

    def close(
        self, status: str, *, files: Sequence[Path] = (), numbers: Mapping[str, float] | None = None
    ) -> None:
        """Keep files and numbers with the run, and end it.

        Args:
            status: "FINISHED", "FAILED" or "KILLED".
            files: the table's files.
            numbers: such as how many cells are done.
        """
        if self.store is None or not self.store.run_id:
            return
        for file in files:
            self.store.artifact(file)
        self.store.metrics(numbers or {}, step=0)
        self.store.close(status)

    def _tags(self) -> dict[str, str]:
        return {
            "bundle": self.table.bundle,
            "table": f"{self.table.bundle}/{self.table.name}",
            "budget": self.conditions.budget,
        }

    def _earlier(self) -> str | None:
        try:
            return str(json.loads((self.folder / _FILE).read_text(encoding="utf-8"))["run_id"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
