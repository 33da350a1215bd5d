"""The images of a folder in natural order, without labels: what inference is given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from .channels import ChannelChoice
from .dataset_check import check_dataset
from .image_file import SUFFIXES, is_image, stem_of

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


def list_images(source: str | Path) -> list[str]:
    """Return the images to segment: of a folder, of the `images` folder in it, or the one file.

    Args:
        source: a folder of images, a data set's folder, or an image file.

    Returns:
        Absolute paths in natural order.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if no image is there, or two have the same name but for the suffix.
    """
    path = Path(os.path.abspath(Path(source).expanduser()))
    if not path.exists():
        raise FileNotFoundError(f"{source} does not exist: give a folder of images, or one image file")
    if path.is_file():
        if not is_image(path):
            raise ValueError(f"{path} is no image that can be read; readable are {' '.join(SUFFIXES)}")
        return [str(path)]
    images = images_in(path)
    if not images and (path / "images").is_dir():
        images = images_in(path / "images")
    if not images:
        raise ValueError(
            f"{path} holds no image that can be read: give a folder with {' '.join(SUFFIXES)} files"
        )
    return [str(image) for image in images]


def list_image_items(
    source: str | Path,
    *,
    check: bool = False,
    channels: ChannelChoice = None,
    in_channels: int | None = None,
) -> list[dict[str, str]]:
    """Return `list_images` as a MONAI data list.

    Args:
        source: a folder of images, a data set's folder, or an image file.
        check: look into the header of every file now rather than fail in the middle of the folder.
        channels: the choice that the reader will make, for the check.
        in_channels: how many channels the network takes, for the check; None does not ask.

    Returns:
        One {"image": absolute path} per image.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if no image is there, or one cannot be used.
    """
    items = [{"image": image} for image in list_images(source)]
    if check:
        check_dataset(items, channels=channels, in_channels=in_channels)
    return items


def _belongs_to_another(stem: str, stems: set[str]) -> bool:
    for ending in (*LABEL_ENDINGS, *_OTHER_ENDINGS):
        owner = stem.removesuffix(ending)
        if owner != stem and (owner in stems or f"{owner}_img" in stems):
            return True
    return False
