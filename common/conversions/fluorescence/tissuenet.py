"""TissueNet: two channels of multiplexed tissue from six platforms, nuclei and whole cells, in three lists.

Layout: `tissuenet_v1.0_train.npz`, `..._val.npz` and `..._test.npz` (also 1.1, and plain `train.npz` and so
on), in a folder or an archive of them; each is read row by row, because unpacked they are gigabytes. `X` (N,
H, W, 2): nuclear channel, then membrane or cytoplasm. `y` (N, H, W, 2): label maps of whole cells, then of
nuclei; the nuclei become the labels, the cells lie beside them. Training images are 512 pixels wide, others
256. Images without a nucleus stay: their label maps are empty.

Version 1.0 has the texts `tissue_list` and `platform_list`. Version 1.1 has the table `meta` instead, whose
first row, in the test file the first four, are headings: the specimen becomes the tissue, and images of one
file of an experiment one slide. It has no column of platforms: where the path of an image's experiment names
one of the six, and only one, that is its platform; where not, it has none, and the log says so.

Pixels of version 1.0 are 0.5 um wide. Its readme tells that the validation images are there in three sizes,
and no array which are which: those have no pixel size. Version 1.1 tells one for each image.

The archives themselves were not at hand when this was written. Seen were the publisher's own programs, and
others that read both versions and agree on names, channels and columns.

References:
    Greenwald et al., "Whole-cell segmentation of tissue images with human-level performance using large-scale
    data annotation and deep learning", Nature Biotechnology 40, 2022. Data: https://datasets.deepcell.org,
    modified Apache 2.0 for non-commercial academic use.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...messages import suggest
from ..formats.dataset_image import DatasetImage, paint_nuclei, pixels_of_nuclei
from ..formats.mat_file import as_label_map
from ..formats.npy_stream import Opened, npy_shape, npy_table, npz_arrays, opened_rows
from ..formats.source import opened_files

LICENCE = "modified Apache 2.0 for non-commercial academic use"
BY_HAND = (
    "open https://datasets.deepcell.org/data in a browser, which wants a login, save the archive of "
    "TissueNet 1.0 or 1.1, and give --source that file"
)
SPLITS = {"train": "training", "val": "validation", "test": "test"}
CHANNELS = ["nuclear", "membrane"]
PLATFORMS = ("codex", "cycif", "imc", "mibi", "mxif", "vectra")
PIXEL_SIZE_UM = 0.5
CELLS, NUCLEI = 0, 1  # in y
_FILE = re.compile(r"(?:.*[._-])?(train|val|test)\.npz", re.IGNORECASE)
_PLATFORM = re.compile(rf"(?<![a-z])({'|'.join(PLATFORMS)})(?![a-z])")
logger = logging.getLogger(__name__)
Arrays = dict[str, Opened]
Known = dict[str, Any]


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its nuclei, whole cells, published list, tissue, and platform where it is told.

    Args:
        source: an .npz file, a folder with some of the three, or the downloaded archive.
        only: a platform or a tissue as the files write it, such as "vectra" or "breast"; all if not given.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if it has no such files, an array is missing, damaged or of another shape, tables are of
            another length than the images, or there is no such platform or tissue.
    """
    with ExitStack() as stack:
        files = _by_split(stack.enter_context(_npz_files(source)), source)
        opened = {split: stack.enter_context(npz_arrays(file)) for split, file in files.items()}
        known = {split: _known(files[split], arrays, split) for split, arrays in opened.items()}
        every = [each for listed in known.values() for each in listed]
        parts = [sorted({each[key] for each in every if key in each}) for key in ("platform", "tissue")]
        if only is not None and only not in sum(parts, []):
            mend = suggest(only, sum(parts, [])) if any(parts) else "no image tells one: leave --only out"
            raise ValueError(f"tissuenet has no part {only!r}: {mend}")
        if unknown := sum("platform" not in each for each in every):
            logger.warning(
                "of %d images %d tell no platform: --test_platform cannot be used", len(every), unknown
            )
        for split, arrays in opened.items():
            named = _pixels(files[split], arrays)
            rows = zip(known[split], stack.enter_context(opened_rows(*named)), strict=True)
            for number, (told, (image, labels)) in enumerate(rows):
                if only is None or only in (told.get("platform"), told.get("tissue")):
                    yield _read_one(f"{split}_{number:04d}", image, labels, files[split], told, split)


def _read_one(
    stem: str, image: np.ndarray, labels: np.ndarray, file: Path, told: Known, split: str
) -> DatasetImage:
    shape = (image.shape[0], image.shape[1])
    cells, nuclei = (as_label_map(labels[..., channel], file, shape) for channel in (CELLS, NUCLEI))
    cell_map, label_map = (
        paint_nuclei(list(pixels_of_nuclei(each).values()), shape)[0] for each in (cells, nuclei)
    )
    return DatasetImage(
        stem,
        image.transpose(2, 0, 1),
        label_map,
        {"channels": CHANNELS, **told},
        split=SPLITS[split],
        cell_map=cell_map,
    )


@contextmanager
def _npz_files(source: str | Path) -> Iterator[list[Path]]:
    """Give the .npz files of a source; one that is the source itself is not unpacked, though it could be."""
    path = Path(source).expanduser()
    if path.suffix.lower() == ".npz" and path.is_file():
        yield [path]
        return
    with opened_files(source) as files:
        yield [file for file in files if file.suffix.lower() == ".npz"]


def _by_split(files: list[Path], source: str | Path) -> dict[str, Path]:
    found: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for file in files:
        if match := _FILE.fullmatch(file.name):
            found[match[1].lower()].append(file)
    if not any(found.values()):
        raise ValueError(
            f"{source} holds no train.npz, val.npz or test.npz, such as tissuenet_v1.1_train.npz: give "
            f"--source the folder or archive of TissueNet"
        )
    for split, several in found.items():
        if len(several) > 1:
            raise ValueError(
                f"{source} holds {several[0].name} and {several[1].name}, both of the {SPLITS[split]} list: "
                f"give --source the folder of one version"
            )
    return {split: one[0] for split, one in found.items() if one}


def _pixels(file: Path, arrays: Arrays) -> list[tuple[str, Opened]]:
    """Return name and opener of X and y, after a look at their shapes."""
    if missing := [name for name in ("X", "y") if name not in arrays]:
        raise ValueError(f"{file} has no array {' and no '.join(missing)}: download it again")
    named = [(f"{file}/{name}.npy", arrays[name]) for name in ("X", "y")]
    images, labels = (npy_shape(*each) for each in named)
    for (name, _), shape, what in zip(
        named, (images, labels), ("nuclear and membrane", "cells and nuclei"), strict=True
    ):
        if len(shape) != 4 or shape[3] != 2:
            raise ValueError(
                f"{name} has the shape {shape}, not (images, height, width, 2: {what}): give --source the "
                f"files as they are published"
            )
    if images != labels:
        raise ValueError(
            f"{file}: X has the shape {images} and y {labels}: they are not of the same images, download it "
            f"again"
        )
    if not images[0]:
        raise ValueError(f"{file} holds no image: download it again")
    return named


def _known(file: Path, arrays: Arrays, split: str) -> list[Known]:
    """Return what is known of each image of a file: platform, tissue, slide and pixel size."""
    count = npy_shape(*_pixels(file, arrays)[0])[0]
    if "meta" in arrays:
        return _of_table(file, npy_table(f"{file}/meta.npy", arrays["meta"]), count)
    if missing := [name for name in ("tissue_list", "platform_list") if name not in arrays]:
        raise ValueError(
            f"{file} has no array {' and no '.join(missing)} as version 1.0, and no meta as version 1.1: "
            f"download it again"
        )
    lists = {}
    for key in ("tissue", "platform"):
        rows = npy_table(f"{file}/{key}_list.npy", arrays[f"{key}_list"])
        if len(rows) != count:
            raise ValueError(
                f"{file} has {count} images but {len(rows)} entries in {key}_list: download it again"
            )
        lists[key] = [row[0] for row in rows]
    size = {} if split == "val" else {"pixel_size_um": PIXEL_SIZE_UM}
    pairs = zip(lists["tissue"], lists["platform"], strict=True)
    return [{"platform": platform, "tissue": tissue} | size for tissue, platform in pairs]


def _of_table(file: Path, table: list[list[str]], count: int) -> list[Known]:
    headings = table[0] if table else []
    wanted = ("filename", "experiment", "pixel_size", "specimen")
    if missing := [name for name in wanted if name not in headings]:
        raise ValueError(f"{file}: meta has no column {' and no '.join(missing)}: download it again")
    rows = [dict(zip(headings, row, strict=True)) for row in table if row != headings]
    if len(rows) != count:
        raise ValueError(
            f"{file} has {count} images but {len(rows)} rows in meta, headings aside: download it again"
        )
    return [_of_row(row) for row in rows]


def _of_row(row: dict[str, str]) -> Known:
    """Return what a row of version 1.1 tells.

    Example:
        >>> row = {"filename": "a.npz", "experiment": "Vectra-1/b", "pixel_size": "0.5", "specimen": "lung"}
        >>> _of_row(row)
        {'platform': 'vectra', 'tissue': 'lung', 'slide': 'Vectra-1/b/a.npz', 'pixel_size_um': 0.5}
    """
    row = {key: "" if value.lower() in ("nan", "none") else value.strip() for key, value in row.items()}
    platforms = set(_PLATFORM.findall(row["experiment"].lower()))
    try:
        size = float(row["pixel_size"])
    except ValueError:
        size = math.nan
    told = {
        "platform": platforms.pop() if len(platforms) == 1 else "",
        "tissue": row["specimen"],
        "slide": "/".join(filter(None, (row["experiment"], row["filename"]))),
        "pixel_size_um": size if 0 < size < math.inf else "",
    }
    return {key: value for key, value in told.items() if value}
