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
        ValueError: if images have the same name but for the suffix (or letter case): their outputs would
            collide.
    """
    files = sorted((file for file in folder.iterdir() if is_image(file) and file.is_file()), key=natural_key)
    stems = {stem_of(file) for file in files}
    images = [file for file in files if not _belongs_to_another(stem_of(file), stems)]
    return list(by_stem(images).values())


def skipped_in(folder: Path, images: Iterable[Path], *, folders: bool = True) -> list[str]:
    """Say in a few words each what else lies in a folder, hidden files aside.

    Args:
        folder: the folder.
        images: those of its files that are used.
        folders: whether folders inside are skipped too.

    Returns:
        For example "2 .webp (a.webp ...)", "1 broken link (a.tif)".
    """
    used = {image.name for image in images}
    kinds: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name in used or path.name.startswith("."):
            continue
        if path.is_symlink() and not path.exists():
            kind = "broken link"
        elif path.is_dir():
            if not folders:
                continue
            kind = "folder, which --recursive looks into"
        elif is_image(path):
            kind = "label or output beside images"
        else:
            kind = path.suffix.lower() or "file without a suffix"
        kinds.setdefault(kind, []).append(path.name)
    return [_counted(kind, names) for kind, names in kinds.items()]


def _counted(kind: str, names: list[str]) -> str:
    return f"{len(names)} {kind} ({names[0]}{' ...' if len(names) > 1 else ''})"


def by_stem(files: Iterable[Path]) -> dict[str, Path]:
    """Return files by their names without suffix.

    Args:
        files: image or label files of one folder.

    Raises:
        ValueError: if some have the same name but for the suffix or letter case; it names them all.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        found.setdefault(stem_of(file).casefold(), []).append(file)
    clashes = [
        f"{first} and {', '.join(other.name for other in others)}"
        for first, *others in found.values()
        if others
    ]
    if clashes:
        many = len(clashes) > 1
        raise ValueError(
            f"{'; '.join(clashes)} have the same name but for the suffix: rename or move "
            f"one{' of each' if many else ''}"
        )
    return {stem_of(file): file for (file,) in found.values()}


def _belongs_to_another(stem: str, stems: set[str]) -> bool:
    for ending in (*LABEL_ENDINGS, *_OTHER_ENDINGS):
        owner = stem.removesuffix(ending)
        if owner != stem and (owner in stems or f"{owner}_img" in stems):
            return True
    return False
