"""Sorts MLflow's evaluations into boards: only what was tested on the same images is compared."""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from ..engine.tracking import AS_LISTED, FinishedEvaluation
from .board import SCORES, Board, Entry, Training

__all__ = ["SCORES", "gather", "merged"]

_COST = ("parameters", "images_per_second", "threads", "training_seconds", "training_processor_seconds")
_DEEPEST = 20  # parts of a path
_FOLD = re.compile(r"fold (\d+) of (\d+)")
Fold = tuple[int | None, int | None]  # which, of how many


def gather(
    evaluations: Sequence[FinishedEvaluation], *, split: str = "test", folds: int | None = None
) -> tuple[Board | None, dict[str, str]]:
    """Make the board of one data set.

    Args:
        evaluations: those of the data set, the oldest first.
        split: the list that was scored.
        folds: compare methods that were tested by so many folds; None: by the data set's own lists.

    Returns:
        The board, None where nothing can be compared; and name of an evaluation -> why it is left out.
    """
    left_out: dict[str, str] = {}
    usable: list[FinishedEvaluation] = []
    wanted = AS_LISTED if folds is None else f"{folds} folds"
    for each in evaluations:
        why = _fault(each, split, wanted)
        if why is None:
            usable.append(each)
        else:
            left_out[_told(each)] = why
    if not usable:
        return None, left_out
    fingerprint = usable[-1].tags["data_fingerprint"]  # the data as they were evaluated last
    latest: dict[tuple[Any, ...], FinishedEvaluation] = {}
    for each in usable:
        if each.tags["data_fingerprint"] != fingerprint:
            left_out[_told(each)] = (
                f"its data are others (fingerprint {each.tags['data_fingerprint']}, now {fingerprint})"
            )
            continue
        place = (*_identity(each), each.tags["seed"], each.tags["lists"])
        if place in latest:
            left_out[_told(latest[place])] = "the same training was evaluated again later"
        latest[place] = each
    depth = _name_depth([each.report for each in latest.values() if each.report is not None])
    entries = []
    for group in _groups(latest.values()).values():
        entry = _entry(group, depth)
        missing = _missing_folds(group, folds)
        if missing:
            left_out |= {_told(each): missing for each in group}
        else:
            entries.append((entry, group))
    if not entries:
        return None, left_out
    images = sorted({image for training in entries[-1][0].trainings for image in training.images})
    kept = []
    for entry, group in entries:
        if sorted({image for training in entry.trainings for image in training.images}) == images:
            kept.append(entry)
        else:
            left_out |= {
                _told(each): f"it was tested on other images than {entries[-1][0].name}" for each in group
            }
    return Board(usable[-1].data, fingerprint, split, wanted, images, kept), left_out


def merged(board: Board, earlier: Board | None) -> Board:
    """Keep methods of an earlier board that this store knows nothing of, if they can be compared.

    Args:
        board: what was gathered now, whose entries win.
        earlier: what was written before.
    """
    if earlier is None or earlier.compared_on != board.compared_on:
        return board
    known = {entry.identity for entry in board.entries}
    others = [entry for entry in earlier.entries if entry.identity not in known]
    return replace(board, entries=[*board.entries, *others])


def _fault(each: FinishedEvaluation, split: str, wanted: str) -> str | None:
    """Tell why an evaluation cannot be on the board, whatever else is there."""
    tags = each.tags
    if tags.get("split", split) != split:
        return f"it is of the {tags['split']} list"
    if not tags.get("method_key") or not tags.get("seed", "").lstrip("-").isdigit():
        return "it does not tell what was trained: evaluate it again, with the train.json beside its weights"
    if "data_fingerprint" not in tags:
        return "it does not tell its data's fingerprint: evaluate it again"
    if each.report is None or not each.report.get("images"):
        return "its metrics.json is not in the store: evaluate it again"
    if "table" in tags:  # variants, trained as short as suffices to tell them apart
        return f"it is a row of the table {tags['table']}, which scripts.reproduce shows"
    lists = _lists(tags["lists"])
    return None if lists == wanted else f"it was tested by {lists}, the others by {wanted}"


def _lists(words: str) -> str:
    found = _FOLD.fullmatch(words)
    return words if found is None else f"{found[2]} folds"


def _fold(words: str) -> Fold:
    found = _FOLD.fullmatch(words)
    return (None, None) if found is None else (int(found[1]), int(found[2]))


def _identity(each: FinishedEvaluation) -> tuple[str, str, str]:
    return each.tags.get("bundle", ""), each.tags["method_key"], each.tags.get("budget", "")


def _groups(evaluations: Any) -> dict[tuple[str, str, str], list[FinishedEvaluation]]:
    groups: dict[tuple[str, str, str], list[FinishedEvaluation]] = defaultdict(list)
    for each in evaluations:
        groups[_identity(each)].append(each)
    return groups


def _missing_folds(group: Sequence[FinishedEvaluation], folds: int | None) -> str | None:
    if folds is None:
        return None
    by_seed: dict[str, set[int | None]] = defaultdict(set)
    for each in group:
        by_seed[each.tags["seed"]].add(_fold(each.tags["lists"])[0])
    for seed, there in sorted(by_seed.items()):
        missing = [str(fold) for fold in range(folds) if fold not in there]
        if missing:
            return f"fold {', '.join(missing)} of {folds} is missing for seed {seed}"
    return None


def _entry(group: Sequence[FinishedEvaluation], depth: int) -> Entry:
    method, key, budget = _identity(group[0])
    row = group[-1].tags.get("row", "")
    changes = row or group[-1].tags.get("changes", "")
    costs = {
        name: statistics.median(values)
        for name in _COST
        if (values := [each.metrics[name] for each in group if name in each.metrics])
    }
    return Entry(method, changes, budget, key, [_training(each, depth) for each in group], costs)


def _training(each: FinishedEvaluation, depth: int) -> Training:
    report = each.report or {}
    singles = [score.removesuffix("_mean") for score in SCORES if score.endswith("_mean")]
    return Training(
        seed=int(each.tags["seed"]),
        fold=_fold(each.tags["lists"])[0],
        scores={name: float(report[name]) for name in SCORES if _is_number(report.get(name))},
        images={
            _name(row["image"], depth): {
                name: float(row[name]) for name in singles if _is_number(row.get(name))
            }
            for row in report["images"]
        },
        run=each.run_id,
        commit=each.tags.get("git_commit", ""),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _name(path: str, depth: int) -> str:
    return "/".join(PurePath(path.replace("\\", "/")).parts[-depth:])


def _name_depth(reports: Sequence[Mapping[str, Any]]) -> int:
    """Return how many parts of its path tell every image of a run from the others: data may lie anywhere."""
    runs = [[str(row["image"]) for row in report["images"]] for report in reports]
    depth = 1
    while depth < _DEEPEST and any(len({_name(each, depth) for each in run}) < len(set(run)) for run in runs):
        depth += 1
    return depth


def _told(each: FinishedEvaluation) -> str:
    return f"{each.name} ({each.run_id[:8]})"
