"""The file `dataset.json`: MONAI's data list, with what is known of each image."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

NAME = "dataset.json"
SPLITS = ("training", "validation", "test")
FILES = ("image", "label", "cell_label")
"""The keys of an entry that hold paths; a "cell_label" is a label map of whole cells beside the nuclei's."""
LABELS = FILES[1:]
Item = dict[str, Any]


def choose_label_keys(given: str | Sequence[str]) -> list[str]:
    """Return which label maps of an image are read, in their order: the nuclei's, and perhaps the cells'.

    Args:
        given: "label", or "label" and "cell_label", in a list or a comma-separated word.

    Raises:
        ValueError: if it is neither.

    Example:
        >>> choose_label_keys("label"), choose_label_keys("label,cell_label")
        (['label'], ['label', 'cell_label'])
    """
    keys = [word.strip() for word in given.split(",")] if isinstance(given, str) else list(given)
    if keys not in (list(LABELS[:1]), list(LABELS)):
        raise ValueError(
            f'--label_keys is {given!r}: give label (nuclei alone) or "label,cell_label" (and whole cells)'
        )
    return keys


def read_dataset_json(folder: Path) -> dict[str, Any] | None:
    """Return the content of a folder's `dataset.json`, or None where there is none.

    Args:
        folder: the data set's folder.

    Raises:
        ValueError: if it is not JSON, or not an object with lists of images.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}): mend it there, or "
            f"remove the file to use the folders images and labels"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not JSON (it is no UTF-8 text): write it again as UTF-8") from None
    if not isinstance(content, dict) or not any(isinstance(content.get(split), list) for split in SPLITS):
        raise ValueError(
            f'{path} has none of the lists "training", "validation" and "test": '
            f'add them, each a list of {{"image": ..., "label": ...}}'
        )
    return content


def items_of(content: dict[str, Any], split: str, folder: Path) -> list[Item]:
    """Return one list of a `dataset.json` with absolute paths.

    Names of channels, pixel size and platform that stand at the top hold for every image that has none of its
    own.

    Args:
        content: the file's content.
        split: "training", "validation" or "test".
        folder: the data set's folder, which paths are relative to.

    Raises:
        ValueError: if an entry has no image, a pixel size that is no number, or channels without names.
    """
    listed = content.get(split) or []
    if not isinstance(listed, list):
        raise ValueError(
            f'{folder / NAME}: "{split}" is not a list: write [{{"image": ..., "label": ...}}, ...]'
        )
    common = {key: content[key] for key in ("channels", "pixel_size_um", "platform") if content.get(key)}
    items = []
    for number, entry in enumerate(listed):
        entry = {"image": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not isinstance(entry.get("image"), str) or not entry["image"]:
            raise ValueError(
                f'{folder / NAME}: entry {number} of "{split}" names no image: add "image": "images/..."'
            )
        item = common | {key: value for key, value in entry.items() if value is not None}
        size = item.get("pixel_size_um", 1.0)
        if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 < size < math.inf:
            raise ValueError(
                f'{folder / NAME}: "pixel_size_um" of {item["image"]} is {size!r}: write the edge of a '
                f"pixel in micrometres, such as 0.5, or leave it out"
            )
        if "channels" in item:
            item["channels"] = _channel_names(item, folder)
        for key in FILES:
            if isinstance(item.get(key), str):
                item[key] = os.path.abspath(folder / item[key])
        items.append(item)
    return items


def _channel_names(item: Item, folder: Path) -> list[str]:
    """Return the names of an image's channels; one that is blank is called by its number."""
    names = item["channels"]
    if not isinstance(names, list) or any(type(name) not in (str, int) for name in names):
        raise ValueError(
            f'{folder / NAME}: "channels" of {item["image"]} is {names!r}: write a list of the names of its '
            f'channels, such as ["DAPI", "CD3"], or leave it out'
        )
    return [str(name).strip() or str(number) for number, name in enumerate(names)]


def name_in(folder: Path, path: str) -> str:
    """Return a file's path as seen from its data set, so that it is the same wherever the data set lies.

    Args:
        folder: the data set's folder.
        path: absolute path of the file.
    """
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return Path(path).as_posix()


def known_of(image: Path) -> Item:
    """Return what the `dataset.json` beside an image, or one folder above, says of that image.

    Args:
        image: an image file; it need not be listed anywhere.

    Returns:
        Its entry, empty where there is none; a file that is no data list counts as none.
    """
    path = os.path.abspath(image)
    for folder in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
        try:
            changed = os.stat(os.path.join(folder, NAME)).st_mtime_ns
        except OSError:
            continue
        return _entries(folder, changed).get(path, {})
    return {}


@lru_cache(maxsize=16)
def _entries(folder: str, changed: int) -> dict[str, Item]:
    try:
        content = read_dataset_json(Path(folder)) or {}
        return {item["image"]: item for split in SPLITS for item in items_of(content, split, Path(folder))}
    except ValueError:
        return {}
