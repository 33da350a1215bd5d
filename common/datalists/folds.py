"""A data set's images -> k folds, each tested once; the images of one patient or slide stay together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..readers.dataset_json import SPLITS, Item, name_in
from ..readers.images_in_folder import natural_key

GROUP_KEYS = ("patient", "slide")
_FEWEST = 3  # one fold is tested, one validates, the rest trains


def fold_lists(
    images: Iterable[Item], folder: Path, *, fold: int, folds: int, seed: int = 0
) -> tuple[dict[str, list[Item]], str]:
    """Make the lists of one fold: it is the test list, the next one validates, all others train.

    Args:
        images: all images of a data set, whatever list they stood in.
        folder: its folder, from where files get names that are the same on every machine.
        fold: which fold is tested, from 0.
        folds: how many there are.
        seed: of the dealing.

    Returns:
        The lists, and in words what the groups were, such as "by slide (16 groups)".

    Raises:
        ValueError: if there is no such fold, or more folds than groups.
    """
    check_fold(fold, folds)
    ordered = sorted(images, key=lambda item: natural_key(name_in(folder, item["image"])))
    groups = [group_of(item, folder) for item in ordered]
    kinds = [kind for kind in (*GROUP_KEYS, "image") if any(group[0] == kind for group in groups)]
    by = " or ".join(kinds)
    sizes = Counter(groups)
    if folds > len(sizes):
        fits = len(sizes) >= _FEWEST
        mend = f"choose --folds {len(sizes)} or fewer" if fits else "leave --fold out"
        raise ValueError(f"{folder} has {len(sizes)} groups by {by}, too few for --folds {folds}: {mend}")
    dealt = deal(sizes, folds, seed=seed)
    lists: dict[str, list[Item]] = {split: [] for split in SPLITS}
    for item, group in zip(ordered, groups, strict=True):
        role = {fold: "test", (fold + 1) % folds: "validation"}.get(dealt[group], "training")
        lists[role].append(item)
    return lists, f"by {by} ({len(sizes)} groups)"


def group_of(item: Item, folder: Path) -> tuple[str, str]:
    """Return what an image belongs to: its patient, else its slide, else only itself.

    Args:
        item: an entry of a data list.
        folder: the data set's folder.

    Example:
        >>> group_of({"image": "a.png", "patient": 7, "slide": "s"}, Path("."))
        ('patient', '7')
    """
    for key in GROUP_KEYS:
        if item.get(key) not in (None, ""):
            return key, str(item[key])
    return "image", name_in(folder, item["image"])


def deal(sizes: Mapping[tuple[str, str], int], folds: int, *, seed: int = 0) -> dict[tuple[str, str], int]:
    """Deal groups to folds of nearly equal size: the largest group first, into the smallest fold.

    Args:
        sizes: number of images of each group, in any order.
        folds: number of folds.
        seed: of the order of groups that are equally large.

    Returns:
        The fold of each group.

    Example:
        >>> dealt = deal({("slide", "a"): 4, ("slide", "b"): 2, ("slide", "c"): 2}, 2)
        >>> [dealt["slide", name] for name in "abc"]
        [0, 1, 1]
    """
    groups = sorted(sizes)  # so that the order of a file does not matter
    random.Random(seed).shuffle(groups)
    filled = [0] * folds
    dealt = {}
    for group in sorted(groups, key=lambda group: -sizes[group]):
        dealt[group] = filled.index(min(filled))
        filled[dealt[group]] += sizes[group]
    return dealt


def check_fold(fold: Any, folds: Any) -> None:
    """Refuse a fold that there is not.

    Args:
        fold: as typed.
        folds: as typed.

    Raises:
        ValueError: naming the option and what it can be.
    """
    for name, value in (("folds", folds), ("fold", fold)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"--{name} must be a whole number, not {value!r}")
    if folds < _FEWEST:
        raise ValueError(
            f"--folds must be at least {_FEWEST}, not {folds}: one is tested, one validates, the others train"
        )
    if not 0 <= fold < folds:
        raise ValueError(f"there is no --fold {fold}: with --folds {folds} it is 0 to {folds - 1}")
