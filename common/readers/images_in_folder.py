"""The images of a folder in natural order, without the labels beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..files import stem_of
from .image_file import is_image

# What Cellpose writes beside an image: its label maps, and flows that only Cellpose uses.
LABEL_ENDINGS = ("_masks", "_cp_masks", "_mask", "_labels", "_label")
_OTHER_ENDINGS = ("_flows",)


def natural_key(path: str | Path) -> list[tuple[int, int, str]]:
    """Give the key that sorts names as people do.

    Example:
        >>> sorted(["b10.png", "B2.png", "a.png"], key=natural_key)
        ['a.png', 'B2.png', 'b10.png']
    """
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts] + [(1, 0, str(path))]


def images_in(folder: Path) -> list[Path]:
    """Return the images that lie directly in a folder, in natural order, without labels beside them.

    Args:
        folder: the folder.

    Raises:
        ValueError: if two images have the same name but for the suffix (or letter case): their outputs would
            collide.
    """
    files = sorted((file for file in folder.iterdir() if is_image(file) and file.is_file()), key=natural_key)
    stems = {stem_of(file) for file in files}
    images = [file for file in files if not _belongs_to_another(stem_of(file), stems)]
    return list(by_stem(images).values())


def by_stem(files: Iterable[Path]) -> dict[str, Path]:
    """Return files by their names without suffix.

    Args:
        files: image or label files of one folder.

    Raises:
        ValueError: if two have the same name but for the suffix or letter case.
    """
    found: dict[str, Path] = {}
    folded: dict[str, Path] = {}
    for file in files:
        stem = stem_of(file)
        other = folded.setdefault(stem.casefold(), file)
        if other is not file:
            raise ValueError(
                f"{other} and {file.name} have the same name but for the suffix: rename or move one"
            )
        found[stem] = file
    return found


def _belongs_to_another(stem: str, stems: set[str]) -> bool:
    for ending in (*LABEL_ENDINGS, *_OTHER_ENDINGS):
        owner = stem.removesuffix(ending)
        if owner != stem and (owner in stems or f"{owner}_img" in stems):
            return True
    return False
