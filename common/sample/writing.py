"""Sample data sets on disk: images, label maps and MONAI's datalist, written whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from ..geometry import label_type
from .cells import make_cells
from .image import channel_names, make_image

__all__ = ["ensure_sample", "write_sample"]

LOGGER = logging.getLogger(__name__)
SPLITS = ("training", "validation", "test")
COUNTS = (24, 6, 8)
PIXEL_SIZE_UM = {"fluorescence": 0.5, "multiplex": 0.5, "cells": 0.5, "he": 0.25}


def write_sample(
    folder: str | os.PathLike[str],
    *,
    modality: str = "fluorescence",
    seed: int = 0,
    counts: Sequence[int] = COUNTS,
    shape: tuple[int, int] = (256, 256),
    channels: int | None = None,
) -> Path:
    """Write a sample data set: `images/`, `labels/` and `dataset.json`; of cells `cells/` too.

    Everything is written to a hidden folder beside `folder`, which is renamed at the end.

    Args:
        folder: Where the data set shall lie; must be absent or empty.
        modality: "fluorescence" or "he" (PNG), or "multiplex" or "cells" (OME-TIFF with channel names).
        seed: Seed of the whole set; an image depends on it, its list and its place in the list alone.
        counts: Number of training, validation and test images.
        shape: Height and width of every image in pixels.
        channels: Number of channels of images of multiplex or cells.

    Returns:
        The folder, as an absolute path.

    Raises:
        FileExistsError: If `folder` is a file or holds something.
        ValueError: If an option is outside its range.
    """
    folder = Path(folder).absolute()
    names = channel_names(modality, channels)
    if len(counts) != len(SPLITS) or min(counts) < 0 or sum(counts) == 0:
        raise ValueError(f"counts {tuple(counts)} must be three numbers of images: {', '.join(SPLITS)}")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder: choose another or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        lists = {
            split: [
                _write_pair(unfinished, f"{split}_{i:03d}", modality, (seed, s, i), shape, names)
                for i in range(counts[s])
            ]
            for s, split in enumerate(SPLITS)
        }
        _write_datalist(unfinished / "dataset.json", modality, names, lists, seed)
        unfinished.chmod(0o755)  # mkdtemp makes folders that nobody else may read
        if folder.is_dir():
            folder.rmdir()  # empty; not every system renames over it
        os.replace(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def ensure_sample(
    folder: str | os.PathLike[str],
    *,
    modality: str = "fluorescence",
    seed: int = 0,
    counts: Sequence[int] = COUNTS,
    shape: tuple[int, int] = (256, 256),
    channels: int | None = None,
) -> Path:
    """Make the sample data set when `folder` has no `dataset.json`, and say so in the log; else leave it.

    Arguments and errors are those of `write_sample`. Processes that start together may all call this: one set
    is kept.

    Returns:
        The folder, as an absolute path.
    """
    folder = Path(folder).absolute()
    ready = folder / "dataset.json"
    if ready.is_file():
        return folder
    LOGGER.info("making the sample data (%s, %d images, seed %d) in %s", modality, sum(counts), seed, folder)
    try:
        write_sample(folder, modality=modality, seed=seed, counts=counts, shape=shape, channels=channels)
    except OSError:
        if not ready.is_file():  # otherwise another process was faster
            raise
    return folder


def _write_pair(
    folder: Path, stem: str, modality: str, seed: tuple[int, ...], shape: tuple[int, int], names: list[str]
) -> dict[str, str]:
    """Write one image and its label map, or maps; return its entry of the datalist."""
    if modality == "cells":
        image, label_map, cells = make_cells(shape, seed=seed, channels=len(names))
        maps = {"label": ("labels", label_map), "cell_label": ("cells", cells)}
    else:
        image, label_map = make_image(modality, shape, seed=seed, channels=len(names))
        maps = {"label": ("labels", label_map)}
    for kind in ("images", *(kind for kind, _ in maps.values())):
        (folder / kind).mkdir(exist_ok=True)
    named = modality in ("multiplex", "cells")
    suffix = ".ome.tif" if named else ".png"
    path = folder / "images" / f"{stem}{suffix}"
    if named:
        size = PIXEL_SIZE_UM[modality]
        metadata = {
            "axes": "CYX",
            "Channel": {"Name": names},
            "PhysicalSizeX": size,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": size,
            "PhysicalSizeYUnit": "µm",
            "UUID": "urn:uuid:00000000-0000-0000-0000-000000000000",
        }
        options: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib"}
        tifffile.imwrite(path, image, ome=True, metadata=metadata, **options)
    elif modality == "he":
        Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(path)
    else:
        Image.fromarray(image[0]).save(path)
    entry = {"image": f"images/{path.name}"}
    for key, (kind, labels) in maps.items():
        entry[key] = f"{kind}/{stem}.tif"
        stored = labels.astype(label_type(int(labels.max(initial=0))))
        tifffile.imwrite(folder / entry[key], stored, compression="zlib")
    return entry


def _write_datalist(
    path: Path, modality: str, names: list[str], lists: dict[str, list[dict[str, str]]], seed: int
) -> None:
    content = {
        "name": f"sample_{modality}",
        "description": f"Generated nuclei, seed {seed}: for trying out and testing, not for results",
        "licence": "CC0-1.0",
        "modality": modality,
        "channels": names,
        "pixel_size_um": PIXEL_SIZE_UM[modality],
        **lists,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
