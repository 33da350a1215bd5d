"""Runs all cells of a table: done ones are left alone, a failed one is told and the rest go on."""

from __future__ import annotations

import errno
import logging
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..engine.tracking import duration
from ..messages import sentence
from .cell import Cell
from .cell_state import CellState, cell_key
from .command import CommandError, DiskFullError
from .run_cell import run_cell

__all__ = ["GridResult", "run_grid"]

_log = logging.getLogger(__name__)
_HEARD = 70  # characters of a command's last line in the bar
_SHOWN = ("pq_pooled", "f1_50_pooled", "dice_mean")


@dataclass
class GridResult:
    """What came out of a grid."""

    scores: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    """Finished cell -> its metrics.json."""
    failures: dict[Cell, str] = field(default_factory=dict)
    """Failed cell -> why."""
    ran: int = 0
    """How many were run now; the other finished ones were done before."""
    full: str | None = None
    """Why the grid ended early: the disk is full."""


def run_grid(
    cells: Sequence[Cell],
    folder: Path,
    *,
    fingerprint: Callable[[Cell], str],
    places: Mapping[str, Any],
    environment: Callable[[Cell], Mapping[str, str]] = lambda cell: {},
    rows: Collection[str] | None = None,
    bar: bool | None = None,
) -> GridResult:
    """Run the cells that are not done, in order.

    Args:
        cells: the cells.
        folder: the grid's folder; each cell has one of its own there.
        fingerprint: short text of a cell's data, which changes with them.
        places: see `run_cell`.
        environment: variables for the commands of a cell.
        rows: only cells of these rows are run, of the others only what is done is told; None: all.
        bar: whether to show a bar with the time left; by default if stdout is a terminal.

    Returns:
        Scores and failures; after a full disk the cells that were not reached are in neither.
    """

    def state_of(cell: Cell) -> CellState:
        return CellState(folder / cell.folder, cell_key(cell, fingerprint(cell)))

    states = {cell: state_of(cell) for cell in cells}
    every = cells
    if rows is not None:
        cells = [cell for cell in cells if cell.row in rows]
    done = [cell for cell in cells if states[cell].done]
    _log.info("%d cells, of which %d are done", len(cells), len(done))
    result = GridResult()
    shown = sys.stdout.isatty() if bar is None else bar
    begun = time.monotonic()
    with tqdm(total=len(cells), initial=len(done), unit="cell", disable=not shown, file=sys.stdout) as line:

        def say(text: str) -> None:
            line.write(text, file=sys.stdout)

        for number, cell in enumerate(cells, 1):
            if cell in done:
                continue
            line.set_description(cell.in_words)
            states[cell] = state_of(cell)  # the code may have been edited in the hours since the start
            try:
                run_cell(
                    cell,
                    states[cell],
                    places=places,
                    environment=environment(cell),
                    say=say,
                    heard=lambda text: line.set_postfix_str(text[:_HEARD]),
                )
            except (CommandError, OSError) as error:
                result.failures[cell] = sentence(error)
                if _is_full(error):
                    result.full = sentence(error)
                    break
                if isinstance(error, OSError):
                    raise  # the folder itself cannot be written
            result.ran += 1
            left = sum(other not in done for other in cells[number:])
            news = result.failures.get(cell) or _in_words(states[cell].scores() or {})
            time_left = duration((time.monotonic() - begun) / result.ran * left)
            say(f"cell {number}/{len(cells)}  {cell.in_words} | {news} | {time_left} left")
            line.update()
    for cell in every:
        if cell not in result.failures and states[cell].done:
            result.scores[cell] = states[cell].scores() or {}
    return result


def _is_full(error: Exception) -> bool:
    return isinstance(error, DiskFullError) or getattr(error, "errno", None) == errno.ENOSPC


def _in_words(scores: Mapping[str, Any]) -> str:
    values = [f"{name} {scores[name]:.3f}" for name in _SHOWN if isinstance(scores.get(name), float)]
    return "  ".join(values)
