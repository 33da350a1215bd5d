"""What a grid needs is looked at before its first training: settings that can work, lists with images."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_folder, find_slip, read_json, written
from ..datalists import RunData
from .cell import Cell, slug
from .table import Table

__all__ = ["check_cells", "data_of"]


def check_cells(table: Table, cells: Sequence[Cell]) -> None:
    """Look for what is wrong with the settings of each row, as they are written, without building anything.

    Args:
        table: the table.
        cells: its cells.

    Raises:
        ValueError: for the first fault, naming the table's file and the row.
    """
    first = {cell.row: cell for cell in reversed(cells)}
    with tempfile.TemporaryDirectory(prefix="table-") as place:
        for cell in first.values():
            overlay = Path(place) / f"{slug(cell.row)}.json"
            overlay.write_text(written(cell.settings), encoding="utf-8")
            try:
                find_slip([bundle_folder(cell.bundle) / "configs" / "train.json", overlay])
            except ValueError as error:
                said = str(error).replace(f"{overlay.as_posix()}: ", "")
                raise ValueError(f"{table.file.as_posix()}, row {cell.row!r}: {said}") from error


def data_of(
    table: Table,
    dataset_dir: str | list[str] | None,
    *,
    folds: int | None,
    channels: Any = None,
    test_platform: str | None = None,
) -> RunData:
    """Return the data that a table is run on, after a look at the lists that it needs.

    Args:
        table: the table.
        dataset_dir: folder of a data set or several; None: the sample of the table's bundle.
        folds: number of folds; None: the data set's lists.
        channels: the choice of channels, None: the bundle's own.
        test_platform: the platform that is tested; None: the data set's lists.

    Raises:
        FileNotFoundError: if the folder is not there.
        ValueError: if a list is empty, or images cannot be used.
    """
    own = read_json(bundle_folder(table.bundle) / "configs" / "train.json")
    given = own["dataset_dir"] if dataset_dir is None else dataset_dir
    dealt: dict[str, Any] = {} if folds is None else {"fold": 0, "folds": folds}
    chosen = own["channels"] if channels is None else channels
    dealt["any_channels"] = own["network_def"].get("in_channels") is None
    data = RunData(given, seed=own["split_seed"], channels=chosen, test_platform=test_platform, **dealt)
    for split in dict.fromkeys(("training", "validation", table.split)):
        if not any(lists[split] for lists in data.lists.values()):
            folders = " and ".join(map(str, data.folders.values()))
            raise ValueError(
                f"{folders} has no {split} list, which the table {table.name} needs: list images as"
                f' "{split}" in its dataset.json, or give --folds 5, which deals all of its images'
            )
        data.items(split)
    return data
