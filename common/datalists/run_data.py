"""What a run trains, validates and tests on: one data set or several, by lists, folds or platform."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..messages import refuse_faults
from ..readers import ChannelChoice, read_labels
from ..readers.dataset_json import SPLITS, Item
from .data_folder import dataset_folder
from .datalist import (
    Lists,
    check_labels,
    check_split,
    dataset_name,
    existing_folder,
    fingerprint,
    other_lists,
    read_lists,
)
from .dataset_check import dataset_faults, refuse_files
from .folds import GROUP_KEYS, check_fold, fold_lists
from .inner_folds import deal_images, write_data_set
from .platforms import choose_platform, platform_lists

logger = logging.getLogger(__name__)


class RunData:
    """Lists of images, the name and the fingerprint of what a run reads; the log tells the lists' sizes.

    Files are looked into when a list is asked for, so that an evaluation does not read the training images.

    Args:
        dataset_dir: folder of a data set, or several folders. A `sample_<modality>` is made on first use.
        seed: of the split of plain folders, and of the folds.
        channels: the choice that the reader will make, so that a missing channel is found early.
        in_channels: how many channels the network takes; None does not ask.
        any_channels: images may differ in their number of channels, for a network that takes any.
        fold: which fold is tested, from 0; None takes the lists as they are. Each data set is dealt by
            itself.
        folds: number of folds.
        test_platform: the platform whose images are tested; None takes the lists as they are.
        label_keys: which label maps every image has to have; see `choose_label_keys`.

    Raises:
        FileNotFoundError: if a folder is not there.
        ValueError: if two data sets are one or have one name, or there is no such fold or platform.
    """

    def __init__(
        self,
        dataset_dir: str | Path | Sequence[str | Path],
        *,
        seed: int = 0,
        channels: ChannelChoice = None,
        in_channels: int | None = None,
        any_channels: bool = False,
        fold: int | None = None,
        folds: int = 5,
        test_platform: str | int | None = None,
        label_keys: Sequence[str] = ("label",),
    ) -> None:
        if fold is not None and test_platform is not None:
            raise ValueError("--fold and --test_platform both choose the test images: give only one of them")
        if fold is not None:
            check_fold(fold, folds)
        self.seed, self.label_keys = seed, tuple(label_keys)
        self.channels, self.in_channels, self.any_channels = channels, in_channels, any_channels
        self.test_platform = test_platform
        self.folders = _folders_by_name(dataset_dir)
        self.lists: dict[str, Lists] = {}
        how: dict[str, str] = {}
        for name, folder in self.folders.items():
            lists, seeded = read_lists(folder, seed=seed)
            how[name] = f" (split by seed {seed})" if seeded else ""
            if fold is not None:
                lists, groups = fold_lists(_each_once(lists), folder, fold=fold, folds=folds, seed=seed)
                how[name] = f" (fold {fold} of {folds}, {groups})"
            self.lists[name] = lists
            _tell_repeated(name, lists)
        _refuse_shared_images(self.folders, self.lists)
        if test_platform is not None:
            by_folder = {folder: self.lists[name] for name, folder in self.folders.items()}
            platform = choose_platform(test_platform, by_folder)
            self.lists = {name: platform_lists(lists, platform) for name, lists in self.lists.items()}
            how = dict.fromkeys(self.lists, f" (platform {platform} is tested)")
        for name, lists in self.lists.items():
            sizes = ", ".join(f"{len(items)} {split}" for split, items in lists.items())
            logger.info("data set %s: %s images%s", name, sizes, how[name])

    @property
    def name(self) -> str:
        """The data set's name; of several the names joined by "+"."""
        return "+".join(self.folders)

    def fingerprint(self) -> str:
        """Return 12 hexadecimal digits that change when the data do; data sets may come in any order."""
        prints = sorted(fingerprint(folder) for folder in self.folders.values())
        if len(prints) == 1:
            return prints[0]
        return hashlib.blake2b("".join(prints).encode(), digest_size=6).hexdigest()

    def items(self, split: str) -> list[Item]:
        """Return a list of all data sets together, after a look into the header of every file.

        Args:
            split: "training", "validation" or "test".

        Returns:
            "image", "label" and "dataset" (its name) of each image, and the texts that are known of images,
            such as "slide". All have the same keys, so that they can be batched: an unknown text is empty, a
            "pixel_size_um" that the list does not tell NaN. Names of channels stay with the readers, which
            find them themselves.

        Raises:
            ValueError: if the list is empty or unknown, images have no label, files cannot be used, or no
                label of a list that trains or validates holds a nucleus.
        """
        check_split(split)
        found = [item | {"dataset": name} for name, lists in self.lists.items() for item in lists[split]]
        if not found:
            raise ValueError(self._why_empty(split))
        for name, folder in self.folders.items():
            check_labels(self.lists[name][split], f"the {split} list of {folder}")
        self._check_files(found, split)
        if split != "test":
            _refuse_without_nuclei(found, split)
        keys = ["image", "label", "dataset", *self._texts()]
        return [
            {key: "" if item.get(key) is None else str(item[key]) for key in keys}
            | {"pixel_size_um": float(item.get("pixel_size_um") or math.nan)}
            for item in found
        ]

    def deal_training(self, folds: int) -> dict[str, int]:
        """Deal the training images, each data set by itself; what belongs to one patient stays together.

        Args:
            folds: number of parts, 2 or more.

        Returns:
            Part by the image's path.

        Raises:
            ValueError: if a data set has fewer groups of training images than parts.
        """
        dealt: dict[str, int] = {}
        for name, folder in self.folders.items():
            dealt |= deal_images(self.lists[name]["training"], folder, folds, seed=self.seed)
        return dealt

    def write_lists(self, folder: Path, *, left_out: Collection[str] = ()) -> list[str]:
        """Write this run's training and validation lists as data sets of their own, without some images.

        Args:
            folder: where their folders are made.
            left_out: paths of the images that they lack.

        Returns:
            The data sets' folders.
        """
        made = []
        for name in self.folders:
            lists = {split: self.lists[name][split] for split in ("training", "validation")}
            made.append(str(write_data_set(folder, name, lists, left_out=left_out)))
        return made

    def _check_files(self, items: list[Item], split: str) -> None:
        """Refuse files that cannot be used; where a training list has some, name those of validation too."""
        asked: dict[str, Any] = {"channels": self.channels, "in_channels": self.in_channels}
        asked |= {"any_channels": self.any_channels, "label_keys": self.label_keys}
        faults = dataset_faults(items, **asked)
        if faults and split == "training":
            items = items + [item for lists in self.lists.values() for item in lists["validation"]]
            faults = dataset_faults(items, **asked)
        refuse_files(faults, len(items))

    def _texts(self) -> list[str]:
        """Name what is known of images in words; a patient's number counts as one."""
        every = [item for lists in self.lists.values() for items in lists.values() for item in items]
        known = {key for item in every for key, value in item.items() if isinstance(value, str)}
        known.update(key for item in every for key in item.keys() & {*GROUP_KEYS, "platform"})
        return sorted(known - {"image", "label", "dataset"})

    def _why_empty(self, split: str) -> str:
        folders = " and ".join(map(str, self.folders.values()))
        if self.test_platform is not None and split != "test":
            return (
                f"--test_platform {self.test_platform} leaves no {split} images in {folders}: list some of "
                f'another platform as "{split}" in dataset.json'
            )
        joined: Lists = {name: [] for name in SPLITS}
        for lists in self.lists.values():
            for name in SPLITS:
                joined[name] += lists[name]
        return f"the {split} list of {folders} is empty: use {other_lists(joined)}"


def _folders_by_name(dataset_dir: str | Path | Sequence[str | Path]) -> dict[str, Path]:
    given = [dataset_dir] if isinstance(dataset_dir, (str, Path)) else list(dataset_dir)
    if not given:
        raise ValueError("--dataset_dir names no folder: give one, or several as \"['A','B']\"")
    folders: dict[str, Path] = {}
    for one in given:
        folder = existing_folder(dataset_folder(one))
        if folder in folders.values():
            raise ValueError(f"--dataset_dir names {folder} twice: name each data set once")
        name = dataset_name(folder)
        if name in folders:
            raise ValueError(
                f"the data sets in {folders[name]} and {folder} are both named {name}: rename one, in its "
                f"dataset.json or, where it has none, its folder"
            )
        folders[name] = folder
    return folders


def _each_once(lists: Lists) -> list[Item]:
    """Return every image of the lists once, whichever of them name it."""
    return list({item["image"]: item for items in lists.values() for item in items}.values())


def _refuse_shared_images(folders: dict[str, Path], lists: dict[str, Lists]) -> None:
    """Refuse an image that two data sets list: it could be trained on in one and tested in the other."""
    owner: dict[str, str] = {}
    faults = []
    for name in lists:
        for item in _each_once(lists[name]):
            first = owner.setdefault(item["image"], name)
            if first != name:
                both = f"{folders[first]} and {folders[name]}"
                faults.append(f"{item['image']} is listed in both {both}: take it out of one")
    refuse_faults(faults, len(owner), "images are listed twice")


def _tell_repeated(name: str, lists: Lists) -> None:
    """Warn of images that one data set lists twice: scores of what was trained on tell nothing."""
    places: dict[str, list[str]] = {}
    for split, items in lists.items():
        for item in items:
            places.setdefault(item["image"], []).append(split)
    repeated = [(image, where) for image, where in places.items() if len(where) > 1]
    if repeated:
        count = "1 image" if len(repeated) == 1 else f"{len(repeated)} images"
        image, where = repeated[0]
        logger.warning(
            "data set %s lists %s more than once, the first is %s (%s): list each once, or scores tell of "
            "images that were learnt",
            *(name, count, image, ", ".join(where)),
        )


def _refuse_without_nuclei(items: list[Item], split: str) -> None:
    """Refuse a list whose labels are all empty: nothing could be learned, and no epoch be called the best.

    Some empty labels are images without nuclei. A test list may have no others: what is found there is false.
    Labels are read up to the first that has a nucleus.
    """
    if not any(read_labels(item["label"]).any() for item in items):
        raise ValueError(
            f"none of the {len(items)} labels of the {split} list holds a nucleus (the first is "
            f"{items[0]['label']}): give label maps, 0 = background and i = nucleus i"
        )
