"""Folds are disjoint, cover everything, keep groups whole, and depend on the seed alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from common.datalists.folds import check_fold, deal, fold_lists, group_of

FOLDER = Path("data").absolute()


def images(count: int = 40, *, groups: int = 11, key: str | None = "slide") -> list[dict[str, Any]]:
    """Make images that belong to groups of very different sizes; each tenth to none."""
    rng = random.Random(7)
    made = []
    for number in range(count):
        item: dict[str, Any] = {"image": str(FOLDER / f"images/{number}.png")}
        if key is not None and number % 10:
            item[key] = f"g{min(rng.randrange(groups), rng.randrange(groups))}"
        made.append(item)
    return made


def names(items: list[dict[str, Any]]) -> set[str]:
    return {item["image"] for item in items}


@pytest.mark.parametrize("key", ["patient", "slide", None])
@pytest.mark.parametrize("folds", [3, 5, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_folds_are_disjoint_and_each_image_is_tested_once(key: str | None, folds: int, seed: int) -> None:
    everything = images(key=key)
    tested: list[str] = []
    validated: list[str] = []
    for fold in range(folds):
        lists, _ = fold_lists(everything, FOLDER, fold=fold, folds=folds, seed=seed)
        parts = [names(lists[split]) for split in ("training", "validation", "test")]
        assert all(parts) and sum(map(len, parts)) == len(everything) == len(set().union(*parts))
        groups = [{group_of(item, FOLDER) for item in items} for items in lists.values()]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
        tested += parts[2]
        validated += parts[1]
    assert sorted(tested) == sorted(validated) == sorted(names(everything))


def test_a_fold_validates_the_training_of_the_fold_before() -> None:
    lists = [fold_lists(images(), FOLDER, fold=fold, folds=4)[0] for fold in range(4)]
    for fold in range(4):
        assert lists[fold]["validation"] == lists[(fold + 1) % 4]["test"]


def test_neither_the_order_nor_the_place_of_files_matters() -> None:
    everything = images()
    shuffled = random.Random(3).sample(everything, len(everything))
    elsewhere = Path("elsewhere").absolute()
    moved = [
        item | {"image": str(elsewhere / Path(item["image"]).relative_to(FOLDER))} for item in everything
    ]
    lists, told = fold_lists(everything, FOLDER, fold=1, folds=5, seed=2)
    assert (lists, told) == fold_lists(shuffled, FOLDER, fold=1, folds=5, seed=2)
    there, _ = fold_lists(moved, elsewhere, fold=1, folds=5, seed=2)
    for split in lists:
        assert [Path(a["image"]).name for a in lists[split]] == [Path(b["image"]).name for b in there[split]]
    other, _ = fold_lists(everything, FOLDER, fold=1, folds=5, seed=3)
    assert other != lists


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("folds", [2, 3, 7])
def test_folds_differ_by_no_more_than_the_largest_group(seed: int, folds: int) -> None:
    rng = random.Random(seed)
    sizes = {("slide", str(number)): rng.randint(1, 9) for number in range(20)}
    dealt = deal(sizes, folds, seed=seed)
    filled = [sum(sizes[group] for group in sizes if dealt[group] == fold) for fold in range(folds)]
    assert dealt.keys() == sizes.keys() and max(filled) - min(filled) <= max(sizes.values())
    ones = dict.fromkeys(sizes, 1)
    dealt = deal(ones, folds, seed=seed)
    filled = [list(dealt.values()).count(fold) for fold in range(folds)]
    assert max(filled) - min(filled) <= 1


def test_the_patient_comes_before_the_slide_and_numbers_are_names() -> None:
    everything = [
        {"image": str(FOLDER / f"{n}.png"), "patient": patient, "slide": f"s{n}"}
        for n, patient in enumerate([1, "1", 2, 3, 3, 4])
    ]
    assert len({group_of(item, FOLDER) for item in everything}) == 4
    assert fold_lists(everything, FOLDER, fold=0, folds=4)[1] == "by patient (4 groups)"
    assert fold_lists(images(), FOLDER, fold=0, folds=4)[1].startswith("by slide or image (")


@pytest.mark.parametrize(
    ("fold", "folds", "said"),
    [
        (5, 5, r"no --fold 5: with --folds 5 it is 0 to 4"),
        (-1, 5, r"no --fold -1"),
        ("one", 5, "--fold must be a whole number, not 'one'"),
        (True, 5, "--fold must be a whole number, not True"),
        (0, 2.5, "--folds must be a whole number, not 2.5"),
        (0, 2, "--folds must be at least 3, not 2"),
    ],
)
def test_a_fold_that_there_is_not(fold: Any, folds: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_fold(fold, folds)


def test_more_folds_than_groups() -> None:
    some = [{"image": str(FOLDER / f"{n}.png"), "slide": n // 2} for n in range(8)]
    assert fold_lists(some, FOLDER, fold=3, folds=4)[0]["test"]
    with pytest.raises(ValueError, match=r"data has 4 groups by slide, .*: choose --folds 4 or fewer"):
        fold_lists(some, FOLDER, fold=0, folds=5)
    with pytest.raises(ValueError, match=r"2 groups by slide, too few for --folds 3: leave --fold out"):
        fold_lists(some[:4], FOLDER, fold=0, folds=3)
