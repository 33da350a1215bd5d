"""Data sets that are plain folders: which label belongs to which image, and the split by a seed."""

from __future__ import annotations

import random
from pathlib import Path

from ..files import stem_of
from ..messages import refuse_faults
from ..readers.dataset_json import SPLITS, Item
from ..readers.image_file import is_image
from ..readers.images_in_folder import LABEL_ENDINGS, by_stem, images_in, natural_key
from .folds import group_of

_SPLIT_FOLDERS = {
    "training": ("training", "train"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
_LAYOUTS = (
    "images/ and labels/ (or masks/), <name>_masks files beside the images, or train/ and test/ with those"
)


def read_folders(folder: Path, *, seed: int = 0) -> tuple[dict[str, list[Item]], bool]:
    """Pair images with labels in a folder without `dataset.json`, and split them.

    Known layouts: `images/` with `labels/` or (StarDist) `masks/`; (Cellpose) `<name>_masks.*` beside the
    images; and any of these inside `train/`, `val/` and `test/`, where a missing validation list is cut from
    the training one.

    Args:
        folder: the data set's folder.
        seed: of the split.

    Returns:
        The three lists, and whether the seed made any of them.

    Raises:
        ValueError: if no layout fits, or images have no label; the log names all of them.
    """
    given = {
        split: next((folder / name for name in names if (folder / name).is_dir()), None)
        for split, names in _SPLIT_FOLDERS.items()
    }
    if given["training"] is None:
        return split_by_seed(_pairs_in(folder), seed=seed), True
    lists = {split: [] if path is None else _pairs_in(path) for split, path in given.items()}
    if given["validation"] is None and len(lists["training"]) > 1:
        parts = split_by_seed(lists["training"], seed=seed, fractions=(0.85, 0.15, 0.0))
        return {**parts, "test": lists["test"]}, True
    return lists, False


def split_by_seed(
    items: list[Item], *, seed: int = 0, fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
) -> dict[str, list[Item]]:
    """Split items into training, validation and test, the same way on every machine.

    Items of one patient, else of one slide, stay together.

    Args:
        items: any items with an "image", in any order: they are sorted by its name first.
        seed: of the split.
        fractions: of training, validation and test, counted in patients, slides or lone images; each part
            that is asked for gets at least one where there are as many as parts.

    Example:
        >>> parts = split_by_seed([{"image": f"{i}.png"} for i in range(10)], seed=1)
        >>> [len(part) for part in parts.values()]
        [6, 2, 2]
    """
    ordered = sorted(items, key=lambda item: natural_key(Path(item["image"]).name))
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in ordered:
        groups.setdefault(group_of(item, Path()), []).append(item)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    counts = [0, 0]
    for part in (0, 1):
        room = len(shuffled) - 1 - sum(counts)  # training keeps one
        if fractions[part + 1] > 0 and room > 0:
            counts[part] = min(room, max(1, round(len(shuffled) * fractions[part + 1])))
    cuts = (shuffled[sum(counts) :], shuffled[: counts[0]], shuffled[counts[0] : sum(counts)])
    return {
        split: sorted(
            (item for group in part for item in group), key=lambda item: natural_key(Path(item["image"]).name)
        )
        for split, part in zip(SPLITS, cuts, strict=True)
    }


def _pairs_in(folder: Path) -> list[Item]:
    image_folder = folder / "images" if (folder / "images").is_dir() else folder
    images = images_in(image_folder)
    if not images:
        raise ValueError(f"{folder} holds neither dataset.json nor images in a known layout: {_LAYOUTS}")
    label_folder = next((folder / name for name in ("labels", "masks") if (folder / name).is_dir()), None)
    labels = by_stem(
        file
        for file in (label_folder or image_folder).iterdir()
        if is_image(file) and (label_folder or file not in images)
    )
    if not labels and label_folder is None:
        raise ValueError(f"{folder} holds images but no labels in a known layout: {_LAYOUTS}")
    pairs, faults = [], []
    for image in images:
        label = _label_of(stem_of(image), labels)
        if label is None:
            place = label_folder.name + "/" + stem_of(image) if label_folder else stem_of(image) + "_masks"
            faults.append(
                f"{image} has no label: add {folder / place}.tif, or take the image out of the folder"
            )
        pairs.append({"image": str(image), "label": str(label)})
    refuse_faults(faults, len(images), "images have no label")
    return pairs


def _label_of(stem: str, labels: dict[str, Path]) -> Path | None:
    for base in (stem, stem.removesuffix("_img")):
        for ending in ("", *LABEL_ENDINGS):
            if base + ending in labels:
                return labels[base + ending]
    return None
