"""Images of one platform (microscope, scanner, modality) are tested, those of all others are trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ..messages import nearest
from ..readers.dataset_json import NAME, Item


def platform_of(item: Item) -> str:
    """Return the platform of an image as text, empty where none is known.

    Args:
        item: an entry of a data list.
    """
    return "" if item.get("platform") is None else str(item["platform"])


def choose_platform(wanted: str | int, datasets: Mapping[Path, Mapping[str, list[Item]]]) -> str:
    """Return the platform that was asked for as the images write it; letter case may differ.

    Args:
        wanted: what was typed.
        datasets: the lists of each data set by its folder.

    Raises:
        ValueError: if no image is of that platform, or an image is of none.
    """
    counts: Counter[str] = Counter()
    for folder, lists in datasets.items():
        platforms = [platform_of(item) for items in lists.values() for item in items]
        missing = platforms.count("")
        if missing:
            raise ValueError(
                f"--test_platform needs to know the platform of every image, but {missing} of "
                f'{len(platforms)} in {folder} have none: add "platform" to them in its {NAME}'
            )
        counts.update(platforms)
    name = str(wanted).strip()
    if name in counts:
        return name
    same = [platform for platform in counts if platform.casefold() == name.casefold()]
    if len(same) == 1:
        return same[0]
    listed = ", ".join(f"{platform} ({count} images)" for platform, count in sorted(counts.items()))
    near = nearest(name, counts)
    hint = f"did you mean {near}? There are" if near else "there are"
    raise ValueError(f"no image is of --test_platform {wanted}: {hint} {listed or 'no images'}")


def platform_lists(lists: Mapping[str, list[Item]], platform: str) -> dict[str, list[Item]]:
    """Make a test list of one platform's images; the others train or validate as they did, or train.

    Args:
        lists: the lists of a data set, every image with a platform.
        platform: the platform to test, as `choose_platform` returns it.

    Returns:
        The lists; an image that stood in several is in one only.
    """
    made: dict[str, list[Item]] = {"training": [], "validation": [], "test": []}
    seen: set[str] = set()
    for split in ("validation", "training", "test"):
        for item in lists[split]:
            if item["image"] in seen:
                continue
            seen.add(item["image"])
            if platform_of(item) == platform:
                made["test"].append(item)
            else:
                made["validation" if split == "validation" else "training"].append(item)
    return made
