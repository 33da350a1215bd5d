"""Only what was tested on the same images is compared; what is left out is told, with its reason."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from common.engine.tracking import FinishedEvaluation, method_tags
from common.leaderboard import gather, merged

from .conftest import IMAGES

Make = Callable[..., FinishedEvaluation]


def test_seeds_are_one_method_and_budgets_are_not(make: Make) -> None:
    every = [make("a", 0.5, seed=seed) for seed in range(3)] + [make("a", 0.7, budget="full", run="other")]
    board, left_out = gather([*every, make("b", 0.6)])
    assert board is not None and not left_out
    assert [(entry.method, entry.budget, entry.seeds) for entry in board.ranked] == [
        ("a", "full", 1), ("b", "short", 1), ("a", "short", 3),
    ]  # fmt: skip
    figure = board.ranked[-1].rows.figure("pq_mean")
    assert (
        figure is not None
        and figure.mean == pytest.approx(0.51 + 0.007)
        and figure.spread == pytest.approx(0.01)
    )
    assert figure.interval is not None and figure.interval[0] < figure.mean < figure.interval[1]


def test_trainings_on_other_data_are_no_seeds_of_one_method(make: Make, tmp_path: Path) -> None:
    every = []
    for seed, folders in ((0, "data/cells"), (1, "moved/cells"), (1, ["data/cells", "data/more"])):
        settings = {"seed": seed, "dataset_dir": folders}
        (tmp_path / "train.json").write_text(json.dumps(settings), encoding="utf-8")
        tags = method_tags(tmp_path / "model.pt", dataset_dir="data/cells", data="cells")
        told = {name: tags[name] for name in ("method_key", "changes")}
        every.append(make("a", 0.5, seed=seed, run=str(folders), **told))
    board, left_out = gather(every)
    assert board is not None and not left_out
    assert [(entry.name, entry.seeds) for entry in board.entries] == [
        ("a", 2), ("a (trained on cells and more)", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data_fingerprint": "old"}, r"its data are others \(fingerprint old, now abc\)"),
        ({"split": "validation"}, "it is of the validation list"),
        ({"lists": "platform confocal"}, "it was tested by platform confocal, the others by as listed"),
        ({"method_key": ""}, "it does not tell what was trained: evaluate it again"),
        ({"seed_": ""}, "it does not tell what was trained"),
        ({"table": "a/table_1"}, "it is a row of the table a/table_1, which scripts.reproduce shows"),
        ({"images": IMAGES[:-1]}, "it was tested on other images than b"),
    ],
)
def test_what_cannot_be_compared_is_left_out_and_told(make: Make, changes: dict[str, str], why: str) -> None:
    if "seed_" in changes:
        other = make("a", 0.9)
        other = dataclasses.replace(other, tags={**other.tags, "seed": ""})
    else:
        other = make("a", 0.9, **changes)
    board, left_out = gather([other, make("b", 0.6)])
    assert board is not None and [entry.method for entry in board.entries] == ["b"]
    (told,) = left_out.items()
    assert told[0].startswith("a test seed 0 (") and __import__("re").search(why, told[1])


def test_a_report_that_is_gone_is_told(make: Make) -> None:
    board, left_out = gather([dataclasses.replace(make("a", 0.5), report=None)])
    assert board is None and list(left_out.values()) == [
        "its metrics.json is not in the store: evaluate it again"
    ]
    assert gather([]) == (None, {})


def test_the_latest_evaluation_of_a_training_counts(make: Make) -> None:
    board, left_out = gather([make("a", 0.5, run="first"), make("a", 0.6, run="second")])
    assert board is not None and [each.run for each in board.entries[0].trainings] == ["second"]
    assert list(left_out.values()) == ["the same training was evaluated again later"]


def test_folds_are_compared_where_all_are_there(make: Make) -> None:
    def fold(method: str, number: int, level: float) -> FinishedEvaluation:
        return make(method, level, lists=f"fold {number} of 3", images=IMAGES[number::3])

    every = [fold("a", number, 0.5) for number in range(3)] + [fold("b", number, 0.6) for number in (0, 2)]
    board, left_out = gather([*every, make("c", 0.7)], folds=3)
    assert board is not None and board.lists == "3 folds" and sorted(board.images) == sorted(IMAGES)
    assert [entry.method for entry in board.entries] == ["a"]
    assert set(left_out.values()) == {
        "fold 1 of 3 is missing for seed 0", "it was tested by as listed, the others by 3 folds",
    }  # fmt: skip


def test_the_same_images_in_another_place_are_the_same(make: Make) -> None:
    board, left_out = gather([make("a", 0.5, root="C:\\data"), make("b", 0.6, root="mnt/data")])
    assert board is not None and len(board.entries) == 2 and not left_out
    twice = ("p1/x.png", "p2/x.png")  # names that only their folders tell apart
    board, _ = gather([make("a", 0.5, images=twice)])
    assert board is not None and sorted(board.images) == sorted(twice)


def test_methods_of_another_machine_stay(make: Make) -> None:
    earlier, _ = gather([make("a", 0.5), make("b", 0.4)])
    now, _ = gather([make("a", 0.7), make("c", 0.6)])
    other, _ = gather([make("d", 0.7, data_fingerprint="xyz")])
    assert earlier is not None and now is not None and other is not None
    assert [entry.method for entry in merged(now, earlier).ranked] == ["a", "c", "b"]
    assert merged(now, None) == now and merged(other, earlier) == other
