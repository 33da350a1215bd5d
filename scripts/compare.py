"""Train bundles at equal cost, for the leaderboard: `python -m scripts.compare unet,logsage --dataset_dir D`.

The same command again goes on where it was cut: trainings that are done are not run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.bundle_config import bundle_folder, read_json
from common.commands import main
from common.engine.tracking import TAGS_VARIABLE
from common.experiments import (
    Cell,
    CommandError,
    DiskFullError,
    GridResult,
    Pace,
    Row,
    Table,
    cells_of,
    check_cells,
    data_of,
    measured_pace,
    run_grid,
    slug,
    training_key,
    training_length,
)
from common.files import hold
from common.messages import sentence


def compare(
    bundles: str | Sequence[str],
    *,
    dataset_dir: str | None = None,
    minutes: float = 10,
    overlay: str | None = None,
    seeds: int = 1,
    folds: int | None = None,
    channels: Any = None,
    batch_size: int | None = None,
    crop_px: int | None = None,
    split: str = "test",
    device: str | None = None,
    mlflow: bool = True,
    output: str = "runs/compared",
) -> Path:
    """Train each bundle, as its own settings say, for at most so much processor time, and evaluate it.

    Two trainings of a few steps tell what a step costs; epochs follow from it. What a training really cost
    stands in the leaderboard (`python -m scripts.leaderboard`), beside other packages
    (`python -m scripts.peers NAME --minutes 10`).

    Args:
        bundles: their names, "unet,logsage".
        dataset_dir: the images, by default the sample of the first bundle.
        minutes: of processor time, that of all threads together, validations included.
        overlay: a file of the bundles' configs that changes them, such as "ablations/he".
        seeds: how many trainings of each, with seeds 0, 1 ...
        folds: test each fold of so many; by default the data set's lists.
        channels: which channels, as in a training.
        batch_size: how many crops at once, in all bundles; by default as each has it. In a short time small
            batches of small crops teach more.
        crop_px: edge of the crops, in all bundles; by default as each has it.
        split: the list that is scored, "test" or "validation".
        device: where it runs, as in a training.
        mlflow: whether runs are recorded in MLflow, without which there is no leaderboard.
        output: the trainings go to OUTPUT/DATASET_MINUTES.

    Returns:
        The folder with a folder for each bundle.

    Raises:
        FileNotFoundError: if there is no such bundle or folder of images.
        ValueError: if an option or the data cannot be used.
        RuntimeError: if trainings failed, or the time is too short for a bundle; those that are done stay,
            and the same command runs the others.
    """
    _check(minutes, seeds, folds, split)
    names = [name.strip() for name in (bundles.split(",") if isinstance(bundles, str) else bundles)]
    table = _table(names, overlay, split)
    given = {"channels": channels, "batch_size": batch_size, "crop_px": crop_px}
    common = {name: value for name, value in given.items() if value is not None}

    def cells_of_all(grid: Table) -> list[Cell]:
        return cells_of(grid, budget="plain", seeds=range(seeds), folds=folds, common=common)

    check_cells(table, cells_of_all(table))  # before the first of many trainings
    data = data_of(table, dataset_dir, folds=folds, channels=channels)
    found = [each.as_posix() for each in data.folders.values()]
    places = {
        "dataset_dir": found[0] if len(found) == 1 else found,
        **({"device": device} if device else {}),
    }
    changes = [*([overlay] if overlay else []), *([] if channels is None else [f"channels {channels}"])]
    tags = {"budget": _budget(minutes, batch_size, crop_px), "changes": ", ".join(changes)}
    folder = Path(output) / slug(f"{data.name}_{minutes:g}_minutes")
    failures: dict[Cell, str] = {}
    with hold(folder, job="a comparison", option="--output"):
        for row in table.rows:
            alone = replace(table, rows=(row,))
            plain = cells_of_all(alone)[0]
            own = read_json(bundle_folder(row.bundle) / "configs" / "train.json")
            try:
                pace = measured_pace(
                    row.bundle, plain.settings, folder / slug(row.name), places=places,
                    key=json.dumps(training_key(plain, data.fingerprint())),
                )  # fmt: skip
                length = training_length(pace, minutes, int(own["steps_per_epoch"]))
            except (CommandError, ValueError) as error:
                print(f"{row.name}: {sentence(error)}")
                failures |= dict.fromkeys(cells_of_all(alone), sentence(error))
                if isinstance(error, DiskFullError):
                    break  # so would all that follow
                continue
            _tell(row.name, pace, length)
            cells = cells_of_all(replace(alone, budgets={"plain": length}))
            result = _run(cells, folder, data.fingerprint(), {**places, "mlflow": bool(mlflow)}, tags)
            failures |= result.failures
            if result.full is not None:
                break
    if failures:
        cell, why = next(iter(failures.items()))
        raise RuntimeError(
            f"{len(failures)} trainings failed ({cell.in_words}: {why}); the same command runs the others"
        )
    print(f"done, in {folder.as_posix()}; side by side: python -m scripts.leaderboard --dataset {data.name}")
    return folder


def _table(names: Sequence[str], overlay: str | None, split: str) -> Table:
    overlays = () if overlay is None else (overlay,)
    rows = tuple(Row(name, bundle_folder(name).name, overlays) for name in names)
    return Table(
        name="comparison", bundle=rows[0].bundle, file=Path("scripts.compare"), title="", paper="", seeds=(),
        folds=None, default_budget="plain", budgets={"plain": {}}, columns=(), claims=(), rows=rows,
        split=split,
    )  # fmt: skip


def _budget(minutes: float, batch_size: int | None, crop_px: int | None) -> str:
    """Return how long was trained, in words; as of other packages where crops are the bundles' own."""
    crops = [
        *([] if batch_size is None else [f"{batch_size} crops a step"]),
        *([] if crop_px is None else [f"crops of {crop_px} px"]),
    ]
    return ", ".join([f"{minutes:g} processor minutes", *crops])


def _run(
    cells: Sequence[Cell],
    folder: Path,
    fingerprint: str,
    places: Mapping[str, Any],
    tags: Mapping[str, str],
) -> GridResult:
    return run_grid(
        cells, folder, fingerprint=lambda cell: fingerprint, places=places,
        environment=lambda cell: {TAGS_VARIABLE: json.dumps(tags)},
    )  # fmt: skip


def _tell(name: str, pace: Pace, length: Mapping[str, int]) -> None:
    print(
        f"{name}: a step takes {pace.step:.2f} s of processor time: {length['epochs']} epochs of"
        f" {length['steps_per_epoch']} steps"
    )


def _check(minutes: Any, seeds: Any, folds: Any, split: str) -> None:
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 < minutes < float("inf"):
        raise ValueError(f"--minutes must be a number above 0, not {minutes!r}")
    for name, value, lowest in (("seeds", seeds, 1), ("folds", folds, 3)):
        if value is None and name == "folds":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError(f"--{name} must be a whole number of at least {lowest}, not {value!r}")
    if split not in ("validation", "test"):
        raise ValueError(f"--split must be validation or test, not {split!r}")


if __name__ == "__main__":
    main(compare)
