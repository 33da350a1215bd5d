"""CoNIC: H&E of colon at 20x, 4981 patches of 256 x 256 pixels cut from Lizard, nuclei of six classes.

Layout: `images.npy` (N, 256, 256, 3), `labels.npy` (N, 256, 256, 2: numbers of nuclei, and classes) and
`patch_info.csv`, a column with the names of the patches, such as "consep_1-0003": the fourth of the image
consep_1. What stands before the hyphen becomes the slide, so that patches of an image stay in one list, and
the source of the image, "consep", its platform.

Lizard's paper tells 20x, about 0.5 um. The arrays themselves were not at hand when this was written; their
readme, and programs that read them, were.

References:
    Graham et al., "CoNIC challenge: pushing the frontiers of nuclear detection, segmentation, classification
    and counting", Medical Image Analysis 92, 2024. Data: https://conic-challenge.grand-challenge.org, CC
    BY-NC-SA 4.0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...messages import suggest
from ..formats.dataset_image import DatasetImage, classes_by_majority, paint_nuclei, pixels_of_nuclei
from ..formats.npy_stream import npy_shape, on_disk, opened_rows
from ..formats.source import opened_files
from .lizard import CLASSES, PIXEL_SIZE_UM

LICENCE = "CC BY-NC-SA 4.0"
BY_HAND = (
    "open https://conic-challenge.grand-challenge.org/Data/ in a browser, which wants a login, save "
    "images.npy, labels.npy and patch_info.csv in one folder, and give --source that folder"
)
NAMES = ("images.npy", "labels.npy", "patch_info.csv")


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every patch with its label map, classes, slide and source.

    Args:
        source: a folder with the three files, or an archive of them.
        only: a source of images, such as "crag"; all if not given.

    Raises:
        FileNotFoundError: if the source, or one of the files, is not there.
        ValueError: if an array has another shape, is damaged, or there is no such source.
    """
    with opened_files(source) as files:
        found = {path.name: path for path in files if path.name in NAMES}
        if missing := [name for name in NAMES if name not in found]:
            raise FileNotFoundError(f"{source} lacks {' and '.join(missing)}: {BY_HAND}")
        names = _names(found["patch_info.csv"])
        opened = [(str(found[name]), on_disk(found[name])) for name in NAMES[:2]]
        _check_shapes([npy_shape(*each) for each in opened], len(names), found)
        platforms = sorted({_slide(name).rsplit("_", 1)[0] for name in names})
        if only is not None and only not in platforms:
            raise ValueError(f"conic has no part {only!r}: {suggest(only, platforms)}")
        with opened_rows(*opened) as rows:
            for name, (image, label) in zip(names, rows, strict=True):
                slide = _slide(name)
                platform = slide.rsplit("_", 1)[0]
                if only in (None, platform):
                    extras = {"platform": platform, "slide": slide, "pixel_size_um": PIXEL_SIZE_UM}
                    yield _read_one(name, image, label, found["labels.npy"], extras)


def _slide(name: str) -> str:
    return name.rsplit("-", 1)[0]


def _names(table: Path) -> list[str]:
    lines = list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))[1:]
    names = [line[0].strip() for line in lines if line]
    if not names or len(set(names)) < len(names) or not all(names):
        raise ValueError(f"{table} does not name every patch once: download it again")
    return names


def _check_shapes(shapes: list[tuple[int, ...]], count: int, found: dict[str, Path]) -> None:
    size = shapes[0][1:3]
    for name, shape, channels in zip(NAMES, shapes, (3, 2), strict=False):
        if shape != (count, *size, channels):
            raise ValueError(
                f"{found[name]} has the shape {shape}, not {(count, *size, channels)} as {NAMES[2]} and "
                f"{NAMES[0]} tell: put the files of one release together"
            )


def _read_one(
    name: str, image: np.ndarray, label: np.ndarray, file: Path, extras: dict[str, object]
) -> DatasetImage:
    instances, types = label[..., 0].astype(np.int64), label[..., 1]
    if types.max() > len(CLASSES):
        raise ValueError(
            f"{file}: patch {name} has the class {types.max()}, but there are {len(CLASSES)}: download it "
            f"again"
        )
    nuclei = list(pixels_of_nuclei(instances).values())
    label_map, kept = paint_nuclei(nuclei, (instances.shape[0], instances.shape[1]))
    classes = classes_by_majority(types, [nuclei[position] for position in kept], CLASSES)
    return DatasetImage(name, image.transpose(2, 0, 1), label_map, extras, classes)
