"""A data set's folder -> MONAI data lists, its name and its fingerprint."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cache
from pathlib import Path

from .channels import ChannelChoice
from .dataset_check import check_dataset
from .dataset_json import NAME, SPLITS, Item, items_of, read_dataset_json
from .folder_layout import read_folders
from .nearest import nearest_name

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
        check: look into the header of every file now (some 0.3 ms each) rather than fail in the middle.

    Returns:
        {"image": absolute path, "label": absolute path} and whatever else is known of each image, such as
        "channels".

    Raises:
        FileNotFoundError: if the folder, an image or a label is not there.
        ValueError: if the list is empty or unknown, an image has no label, or a file cannot be used.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no list {split!r}: did you mean {nearest_name(split, SPLITS)}?")
    folder = _folder(dataset_dir)
    lists = _lists(folder, seed)
    items = lists[split]
    if not items:
        others = [f"{name} ({len(listed)} images)" for name, listed in lists.items() if listed]
        raise ValueError(
            f"the {split} list of {folder} is empty: use {' or '.join(others) or 'another data set'}"
        )
    for item in items:
        if not isinstance(item.get("label"), str):
            raise ValueError(
                f'{item["image"]} has no label in the {split} list of {folder / NAME}: add "label"'
            )
    if check:
        check_dataset(items, channels=channels)
    return items


def dataset_name(dataset_dir: str | Path) -> str:
    """Return the name of a data set: that in its `dataset.json`, else that of its folder.

    Args:
        dataset_dir: the data set's folder.
    """
    folder = _folder(dataset_dir)
    name = (read_dataset_json(folder) or {}).get("name")
    return name if isinstance(name, str) and name else folder.name


def fingerprint(dataset_dir: str | Path) -> str:
    """Return 12 hexadecimal digits that change when a list, or the size of a listed file, does.

    Args:
        dataset_dir: the data set's folder. Pixels are not read; where the folder lies does not matter.
    """
    folder = _folder(dataset_dir)
    digest = hashlib.blake2b(digest_size=6)
    for split, items in _lists(folder, 0, tell=False).items():
        for item in items:
            for key in ("image", "label"):
                path = item.get(key)
                if not isinstance(path, str):
                    continue
                size = os.stat(path).st_size if os.path.exists(path) else -1
                name = Path(os.path.relpath(path, folder)).as_posix()
                digest.update(f"{split}\0{key}\0{name}\0{size}\n".encode())
    return digest.hexdigest()


def _folder(dataset_dir: str | Path) -> Path:
    folder = Path(os.path.abspath(Path(dataset_dir).expanduser()))
    if not folder.exists():
        raise FileNotFoundError(f"the data set folder {dataset_dir} does not exist: check --dataset_dir")
    if not folder.is_dir():
        raise ValueError(
            f"{dataset_dir} is a file: give the data set's folder, which holds {NAME} or images/"
        )
    return folder


def _lists(folder: Path, seed: int, *, tell: bool = True) -> dict[str, list[Item]]:
    content = read_dataset_json(folder)
    if content is not None:
        return {split: items_of(content, split, folder) for split in SPLITS}
    lists, seeded = read_folders(folder, seed=seed)
    if seeded and tell:
        _tell_once(
            f"{folder} has no {NAME}: its images are split by seed {seed} into "
            + ", ".join(f"{len(items)} {split}" for split, items in lists.items())
        )
    return lists


@cache
def _tell_once(message: str) -> None:
    """Log a message the first time only: three lists of one data set would say the same."""
    logger.info(message)
