"""Run a table of a paper: `python -m scripts.reproduce BUNDLE --table NAME [--dataset_dir D] [--seeds 3]`.

The same command again goes on where it was cut: cells that are done are not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.commands import main
from common.experiments import (
    VIOLINS,
    Conditions,
    GridResult,
    ParentRun,
    Table,
    cells_csv,
    cells_of,
    check_cells,
    collect,
    data_of,
    draw_table,
    draw_violins,
    markdown,
    read_table,
    run_grid,
    slug,
    table_csv,
    table_names,
)
from common.files import hold, write_whole
from common.messages import suggest


def reproduce(
    bundle: str,
    *,
    table: str | None = None,
    dataset_dir: str | None = None,
    rows: str | Sequence[str] | None = None,
    seeds: int | None = None,
    folds: int | None = None,
    budget: str | None = None,
    channels: Any = None,
    test_platform: str | None = None,
    device: str | None = None,
    mlflow: bool = True,
    output: str = "runs/tables",
) -> Path:
    """Train and evaluate every row of a table with every seed, and set the scores beside the paper's.

    Args:
        bundle: whose table, a folder of `bundles`.
        table: name of the table, a file of the bundle's `tables`; without it their names are told.
        dataset_dir: the images, by default the bundle's sample.
        rows: names of the rows that are run now, for example "sigma 4,sigma 9"; by default all.
        seeds: how many trainings of each row, with seeds 0, 1 ...; by default the table's own seeds.
        folds: test each fold of so many; 0: the data set's lists; by default as the table says.
        budget: how long is trained, "short" or "full"; by default as the table says.
        channels: which channels, as in a training.
        test_platform: the platform whose images are tested, and never trained on, as in a training: how the
            rows do on images of a kind that they have not seen.
        device: where it runs, as in a training.
        mlflow: whether runs are recorded in MLflow, below one run of the table.
        output: the results go to OUTPUT/BUNDLE/TABLE/BUDGET_DATASET, with --test_platform its name behind.

    Returns:
        The folder with table.md, table.csv, cells.csv, table.png, violins.png and a folder for each cell.

    Raises:
        FileNotFoundError: if there is no such bundle, table or folder of images.
        ValueError: if the table, an option or the data cannot be used.
        RuntimeError: if cells failed; those that are done stay, and the same command runs the others.
    """
    if table is None:
        names = table_names(bundle)
        raise ValueError(f"--table is missing: {bundle} has {', '.join(names) or 'none'}")
    grid = read_table(bundle, str(table))
    length = grid.default_budget if budget is None else str(budget)
    if length not in grid.budgets:
        raise ValueError(
            f"--budget {length!r} is none of {grid.file.as_posix()}: {suggest(length, list(grid.budgets))}"
        )
    counted = grid.seeds if seeds is None else tuple(range(_count("seeds", seeds, 1)))
    dealt = grid.folds if folds is None else (_count("folds", folds, 3) if folds else None)
    common = {} if channels is None else {"channels": channels}
    if test_platform is not None:
        if folds:
            raise ValueError("--folds and --test_platform both choose the test images: give only one of them")
        # Whatever the table scores otherwise: the images that were left out are those of the test list.
        grid, dealt = replace(grid, split="test"), None
        common["test_platform"] = test_platform
    cells = cells_of(grid, budget=length, seeds=counted, folds=dealt, common=common)
    check_cells(grid, cells)
    chosen = None if rows is None else _rows(grid, rows)
    data = data_of(grid, dataset_dir, folds=dealt, channels=channels, test_platform=test_platform)
    conditions = Conditions(length, data.name, data.fingerprint(), counted, dealt, grid.split, test_platform)
    where = "_".join([length, data.name, *([str(test_platform)] if test_platform is not None else [])])
    folder = Path(output) / grid.bundle / grid.name / slug(where)
    places = {
        "dataset_dir": _places(data.folders),
        "mlflow": bool(mlflow),
        **({"device": device} if device else {}),
    }
    with hold(folder, job="a table", option="--output"):
        parent = ParentRun(grid, conditions, folder, enabled=bool(mlflow))
        parent.open()
        status, files, result = "KILLED", [], GridResult()
        try:
            result = run_grid(
                cells, folder, fingerprint=lambda cell: conditions.fingerprint, places=places,
                environment=parent.environment, rows=chosen,
            )  # fmt: skip
            try:
                files = write_results(grid, conditions, result, folder)
            except OSError:
                if result.full is None:
                    raise
            status = "FAILED" if result.failures else "FINISHED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            counts = {"cells_done": float(len(result.scores)), "cells_failed": float(len(result.failures))}
            parent.close(status, files=files, numbers=counts)
    if files:
        print(files[0].read_text("utf-8"))
        print(f"table, cells and picture: {folder.as_posix()}")
    _refuse_failures(result, len(cells))
    return folder


def write_results(grid: Table, conditions: Conditions, result: GridResult, folder: Path) -> list[Path]:
    """Write what a grid came to: table.md, table.csv, cells.csv, table.png, violins.png.

    Args:
        grid: the table.
        conditions: how it was run.
        result: scores and failures.
        folder: where to.

    Returns:
        The files; violins.png is not among them where single images have no scores.
    """
    rows = collect(grid, result.scores, result.failures)
    texts = {
        "table.md": markdown(grid, rows, conditions),
        "table.csv": table_csv(grid, rows, conditions),
        "cells.csv": cells_csv(grid, rows),
    }
    files = [
        write_whole(folder / name, lambda part, text=text: part.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        for name, text in texts.items()
    ]
    drawn = draw_table(folder / "table.png", grid, rows, conditions)
    of_images = [column for column in grid.columns if column.endswith("_mean")]
    violins = draw_violins(
        folder / "violins.png",
        rows,
        title=f"{grid.bundle}, {grid.name}: {grid.title}\n{conditions.in_words}",
        scores=[*of_images, *VIOLINS],
    )
    return [*files, drawn, *([violins] if violins else [])]


def _count(name: str, value: Any, lowest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ValueError(f"--{name} must be a whole number of at least {lowest}, not {value!r}")
    return value


def _rows(grid: Table, given: str | Sequence[str]) -> list[str]:
    """Return the rows that a user names; a comma parts two, but for one inside a row's own name."""
    known = [row.name for row in grid.rows]
    if isinstance(given, str):
        given = [given] if given in known else given.split(",")
    names = [str(name).strip() for name in given]
    for name in names:
        if name not in known:
            raise ValueError(f"--rows: {grid.file.as_posix()} has no row {name!r}: {suggest(name, known)}")
    return names


def _places(folders: dict[str, Path]) -> str | list[str]:
    found = [folder.as_posix() for folder in folders.values()]
    return found[0] if len(found) == 1 else found


def _refuse_failures(result: GridResult, count: int) -> None:
    if not result.failures:
        return
    cell, why = next(iter(result.failures.items()))
    again = "the same command runs what is missing, and leaves alone what is done"
    if result.full is not None:
        raise RuntimeError(
            f"the disk is full at {cell.in_words}, {len(result.scores)} of {count} cells are done and stay:"
            f" make room; {again}"
        )
    raise RuntimeError(f"{len(result.failures)} of {count} cells failed ({cell.in_words}: {why}); {again}")


if __name__ == "__main__":
    main(reproduce)
