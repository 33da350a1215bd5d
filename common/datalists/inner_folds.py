"""The training images of a run, dealt once more: one training of a first network for each part left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ..readers.dataset_json import FILES, NAME, Item, name_in
from .folds import deal, group_of


def deal_images(items: Iterable[Item], folder: Path, folds: int, *, seed: int = 0) -> dict[str, int]:
    """Return the fold of each image; the images of one patient, else of one slide, stay together.

    Args:
        items: images of one data set.
        folder: its folder, from where files get names that are the same on every machine.
        folds: how many there are, 2 or more.
        seed: of the dealing.

    Returns:
        Fold by the image's path.

    Raises:
        ValueError: if there are more folds than groups of images.
    """
    groups = {item["image"]: group_of(item, folder) for item in items}
    sizes = Counter(groups.values())
    if folds > len(sizes):
        raise ValueError(
            f"{folder} has {len(sizes)} groups of training images (patients, slides or images), too few to "
            f"train on {folds} parts of them: choose --stage1_folds {len(sizes)} or fewer, 0 for none"
        )
    dealt = deal(sizes, folds, seed=seed)
    return {image: dealt[group] for image, group in groups.items()}


def write_data_set(
    folder: Path, name: str, lists: Mapping[str, Iterable[Item]], *, left_out: Collection[str] = ()
) -> Path:
    """Write the lists of a data set into a folder of its own, without some images, which stay where they are.

    Args:
        folder: where a folder of the data set's name is made.
        name: the data set's name.
        lists: split -> images with absolute paths.
        left_out: paths of images that the new lists lack.

    Returns:
        The new folder, a data set itself.
    """
    made = folder / name
    made.mkdir(parents=True, exist_ok=True)
    # Paths as seen from here: a folder of runs that is moved together with its images stays whole.
    kept = {
        split: [
            item | {key: name_in(made, item[key]) for key in FILES if item.get(key)}
            for item in items
            if item["image"] not in left_out
        ]
        for split, items in lists.items()
    }
    (made / NAME).write_text(json.dumps({"name": name} | kept, indent=1), encoding="utf-8")
    return made
