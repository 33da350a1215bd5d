"""Trains and evaluates one cell by the bundle's own commands."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..bundle_config import bundle_folder, written
from ..files import write_whole
from .cell import Cell, slug
from .cell_state import CellState
from .command import CommandError, run_command, wait_until_free

__all__ = ["run_cell", "words_of"]

_ATTEMPTS = 3


def run_cell(
    cell: Cell,
    state: CellState,
    *,
    places: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = print,
    heard: Callable[[str], None] | None = None,
) -> None:
    """Train a cell, or go on with its training, evaluate it on its list, and note that it is done.

    Its settings are an overlay in its folder, so that its commands, which its log shows, are short and can be
    typed again.

    Args:
        cell: the cell.
        state: its folder.
        places: where the data are and how it runs: dataset_dir, mlflow, device.
        environment: variables for the commands.
        say: takes a sentence for the user.
        heard: takes the commands' last lines while they run.

    Raises:
        CommandError: if one of the commands fails.
        OSError: if the folder cannot be written.
    """
    checkpoints, results = state.folder / "checkpoints", state.folder / "evaluation"
    # Nothing is moved aside under the hands of a training that still runs.
    if checkpoints.is_dir():
        wait_until_free(checkpoints, say)
    if (changed := state.begin()) is not None:
        say(f"{cell.in_words}: {changed} changed since it was run; the earlier one was moved aside")
    overlay = state.folder / f"{slug(cell.row)}.json"
    write_whole(overlay, lambda part: part.write_text(written(cell.settings), encoding="utf-8"))
    given = [
        *words_of(cell.bundle, overlay, places),
        # Typed, though the overlay has them: MLflow names runs by what is typed.
        *("--seed", str(cell.seed)),
        *(() if cell.fold is None else ("--fold", str(cell.fold), "--folds", str(cell.folds))),
    ]
    jobs = {
        "training": (
            ["training", *given, "--ckpt_dir", checkpoints.as_posix(), "--resume", "True"],
            checkpoints,
        ),
        "evaluating": (
            ["evaluating", *given, "--split", cell.settings["split"], "--output_dir", results.as_posix(),
             "--weights", (checkpoints / "model.pt").as_posix()],
            results,
        ),
    }  # fmt: skip
    seconds = {}
    for job, (words, folder) in jobs.items():
        begun = time.monotonic()
        _run(["monai.bundle", "run", *words], folder, state.folder / "log.txt", environment, say, heard)
        seconds[job] = round(time.monotonic() - begun, 1)
    if state.scores() is None:
        raise CommandError(f"the evaluation left no metrics.json in {results.as_posix()}")
    state.finish(seconds)


def words_of(bundle: str, overlay: Path, places: Mapping[str, Any]) -> list[str]:
    """Return the words that run a bundle with an overlay on some data, as they are typed.

    Args:
        bundle: its name.
        overlay: file of settings that replace the bundle's own.
        places: options: where the data are and how it runs.
    """
    train = Path(os.path.relpath(bundle_folder(bundle) / "configs" / "train.json")).as_posix()
    options = (word for name, value in places.items() for word in (f"--{name}", _word(value)))
    return ["--config_file", str([train, overlay.as_posix()]), *options]


def _run(
    words: list[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None,
    say: Callable[[str], None],
    heard: Callable[[str], None] | None,
) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        wait_until_free(folder, say)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ python -m {shlex.join(words)}\n")
        try:
            run_command(words, log=log, environment=environment, heard=heard)
            return
        except CommandError as error:
            # One that was left running began to write after we had looked.
            if " is in use by " not in str(error) or attempt == _ATTEMPTS:
                raise


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, list) else str(value)
