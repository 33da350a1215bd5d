"""The list of images without labels: what segmenting is given."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ..files import is_made_here, stem_of
from ..readers import ChannelChoice
from ..readers.image_file import SUFFIXES, is_image
from ..readers.images_in_folder import images_in, natural_key, skipped_in
from .dataset_check import item_fault

_log = logging.getLogger(__name__)


def list_images(
    source: str | Path, *, recursive: bool = False, leave_out: str | Path | None = None
) -> dict[str, Path]:
    """Return the images to segment: of a folder, of the `images` folder in it, or the one file.

    Label maps and pictures that an earlier segmentation made are no images. What else is left out, the log
    says.

    Args:
        source: a folder of images, a data set's folder, or an image file.
        recursive: whether to take the images of all folders inside as well; hidden and linked ones stay out.
        leave_out: a folder inside whose images are not taken: that of the results.

    Returns:
        Absolute paths in natural order, by name: the path inside the folder without suffix, such as "a" or,
        of a folder inside, "day1/a".

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if no image is there, or some have the same name but for the suffix.
    """
    path = Path(os.path.abspath(Path(source).expanduser()))
    if not path.exists():
        raise FileNotFoundError(f"{source} does not exist: give a folder of images, or one image file")
    if path.is_file():
        if not is_image(path):
            raise ValueError(f"{path} is no image that can be read; readable are {' '.join(SUFFIXES)}")
        return {stem_of(path): path}
    folders = _folders(path, leave_out) if recursive else [path]
    found = {folder: _images_of(folder) for folder in folders}
    if not recursive and not found[path] and (path / "images").is_dir():
        found = {path / "images": _images_of(path / "images")}
    for folder, images in found.items():
        if skipped := skipped_in(folder, images, folders=not recursive):
            _log.info("%s: skipped %s", folder, ", ".join(skipped))
    root = path if recursive else next(iter(found))
    named = {
        (image.parent.relative_to(root) / stem_of(image)).as_posix(): image
        for images in found.values()
        for image in images
    }
    if not named:
        inside = any(entry.is_dir() for entry in path.iterdir()) and not recursive
        raise ValueError(
            f"{path} holds no image that can be read: give a folder with {' '.join(SUFFIXES)} files"
            + (", or --recursive, which looks into its folders too" if inside else "")
        )
    return named


def _folders(top: Path, leave_out: str | Path | None) -> list[Path]:
    left_out = None if leave_out is None else os.path.realpath(leave_out)
    folders = []
    for place, inside, _ in os.walk(top):
        inside[:] = sorted(
            (name for name in inside if name[0] != "." and os.path.realpath(Path(place, name)) != left_out),
            key=natural_key,
        )
        folders.append(Path(place))
    return folders


def _images_of(folder: Path) -> list[Path]:
    return [image for image in images_in(folder) if not is_made_here(image)]


def list_image_items(
    source: str | Path,
    *,
    recursive: bool = False,
    leave_out: str | Path | None = None,
    check: bool = False,
    channels: ChannelChoice = None,
    in_channels: int | None = None,
) -> list[dict[str, Any]]:
    """Return `list_images` as a MONAI data list.

    Args:
        source: see `list_images`.
        recursive: see `list_images`.
        leave_out: see `list_images`.
        check: look into the header of every file now. An image that cannot be segmented stays in the list
            with its "fault", a sentence, so that the others are done first.
        channels: the choice that the reader will make, for the check.
        in_channels: how many channels the network takes, for the check; None does not ask.

    Returns:
        {"image": absolute path, "name": see `list_images`} of each image.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if no image is there, some have the same name, or not one of them can be segmented.
    """
    named = list_images(source, recursive=recursive, leave_out=leave_out)
    items: list[dict[str, Any]] = [{"image": str(image), "name": name} for name, image in named.items()]
    if check:
        faults = [item_fault(item, channels=channels, in_channels=in_channels) for item in items]
        if all(faults):
            several = (
                f"none of the {len(items)} images can be segmented; the first: " if len(items) > 1 else ""
            )
            raise ValueError(f"{several}{faults[0]}")
        items = [
            item | ({"fault": fault} if fault else {}) for item, fault in zip(items, faults, strict=True)
        ]
    return items
