"""A data set's folder -> MONAI data lists, its name and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from functools import cache
from pathlib import Path, PurePath

from ..messages import refuse_faults, suggest
from ..readers import ChannelChoice
from ..readers.dataset_json import FILES, NAME, SPLITS, Item, items_of, name_in, read_dataset_json
from .dataset_check import check_dataset
from .folder_layout import read_folders

Lists = dict[str, list[Item]]
logger = logging.getLogger(__name__)


def load_datalist(
    dataset_dir: str | Path, split: str, *, seed: int = 0, channels: ChannelChoice = None, check: bool = True
) -> list[Item]:
    """Return one list of a data set: of its `dataset.json`, else of its folders, split by a seed.

    Args:
        dataset_dir: the data set's folder; see `read_folders` for layouts without `dataset.json`.
        split: "training", "validation" or "test".
        seed: of the split of plain folders (70 : 15 : 15); a `dataset.json` is taken as it is.
        channels: the choice that the reader will make, so that a missing channel is found now.
        check: look into the header of every file now (some 0.2 ms each) rather than fail in the middle.

    Returns:
        {"image": absolute path, "label": absolute path} and whatever else is known of each image, such as
        "channels".

    Raises:
        FileNotFoundError: if the folder is not there.
        ValueError: if the list is empty or unknown, images have no label, or files cannot be used.
    """
    check_split(split)
    folder = existing_folder(dataset_dir)
    lists, seeded = read_lists(folder, seed=seed)
    if seeded:
        _tell_once(
            f"{folder} has no {NAME}: its images are split by seed {seed} into "
            + ", ".join(f"{len(items)} {split}" for split, items in lists.items())
        )
    items = lists[split]
    if not items:
        raise ValueError(f"the {split} list of {folder} is empty: use {other_lists(lists)}")
    check_labels(items, f"the {split} list of {folder / NAME}")
    if check:
        check_dataset(items, channels=channels)
    return items


def dataset_name(dataset_dir: str | Path) -> str:
    """Return the name of a data set: that in its `dataset.json`, else that of its folder.

    Args:
        dataset_dir: the data set's folder.
    """
    folder = existing_folder(dataset_dir)
    name = (read_dataset_json(folder) or {}).get("name")
    return name if isinstance(name, str) and name else folder.name


def fingerprint(dataset_dir: str | Path) -> str:
    """Return 12 hexadecimal digits that change when a list, an entry, or the size of a listed file does.

    Args:
        dataset_dir: the data set's folder. Pixels are not read; where the folder lies does not matter.
    """
    folder = existing_folder(dataset_dir)
    digest = hashlib.blake2b(digest_size=6)
    for split, items in read_lists(folder)[0].items():
        for item in items:
            entry = {"split": split, **item}
            for key in FILES:
                if isinstance(path := item.get(key), str):
                    entry[key] = [_place(folder, path), _size(path)]
            digest.update(json.dumps(entry, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()


def existing_folder(dataset_dir: str | Path) -> Path:
    """Return a data set's folder as an absolute path.

    Args:
        dataset_dir: the folder as it was typed.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is a file.
    """
    folder = Path(os.path.abspath(Path(dataset_dir).expanduser()))
    if not folder.exists():
        raise FileNotFoundError(f"the data set folder {dataset_dir} does not exist: check --dataset_dir")
    if not folder.is_dir():
        raise ValueError(
            f"{dataset_dir} is a file: give the data set's folder, which holds {NAME} or images/"
        )
    return folder


def read_lists(folder: Path, *, seed: int = 0) -> tuple[Lists, bool]:
    """Return the three lists of a data set, not yet checked, and whether the seed made any of them.

    Args:
        folder: the data set's folder, as `existing_folder` returns it.
        seed: of the split of plain folders.
    """
    content = read_dataset_json(folder)
    if content is None:
        return read_folders(folder, seed=seed)
    return {split: items_of(content, split, folder) for split in SPLITS}, False


def check_split(split: str) -> None:
    """Refuse the name of a list that there is not.

    Args:
        split: what should be "training", "validation" or "test".

    Raises:
        ValueError: naming the nearest list.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no list {split!r}: {suggest(str(split), SPLITS)}")


def check_labels(items: list[Item], where: str) -> None:
    """Refuse a list in which images have no label; the log names all of them.

    Args:
        items: a data list.
        where: what list it is, for the error.

    Raises:
        ValueError: naming the first.
    """
    bare = [item["image"] for item in items if not isinstance(item.get("label"), str)]
    faults = [f'{image} has no label in {where}: add "label"' for image in bare]
    refuse_faults(faults, len(items), "images have no label")


def other_lists(lists: Lists) -> str:
    """Say which lists have images, for the error about one that has none.

    Args:
        lists: the lists of a data set.
    """
    filled = [f"{name} ({len(items)} images)" for name, items in lists.items() if items]
    return " or ".join(filled) or "another data set"


def _place(folder: Path, path: str) -> str:
    """Return a file's path in the data set; of one that lies outside, the end alone.

    The way there changes with the place of the data set, as of the lists that a cascade writes beside its
    checkpoints.
    """
    inside = PurePath(path).is_relative_to(folder)
    return name_in(folder, path) if inside else "/".join(PurePath(path).parts[-2:])


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


@cache
def _tell_once(message: str) -> None:
    """Log a message the first time only: three lists of one data set would say the same."""
    logger.info(message)
