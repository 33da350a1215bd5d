"""The list of images without labels: what inference is given."""

from __future__ import annotations

import os
from pathlib import Path

from ..readers import ChannelChoice
from ..readers.image_file import SUFFIXES, is_image
from ..readers.images_in_folder import images_in
from .dataset_check import check_dataset


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
