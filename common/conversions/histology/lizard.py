"""Lizard: H&E of colon at 20x, 238 images of five sources, nuclei of six classes.

Layout: `Lizard_Images1/*.png`, `Lizard_Images2/*.png` and `Lizard_Labels` with `Labels/*.mat` and `info.csv`
(Filename, Source, Split), in a folder, or the downloaded `lizard_images1.zip`, `lizard_images2.zip` and
`lizard_labels.zip` in one. Of a .mat file `inst_map` numbers the nuclei, and `id` and `class` list their
numbers and classes. Split is the published fold, 1 to 3. The beginning of an image's name, such as "crag", is
where the image comes from, and becomes its platform; of those from "dpath" the table tells the slide too.

The paper tells 20x, about 0.5 um. The archives themselves were not at hand when this was written; info.csv,
and programs that read them, were.

References:
    Graham et al., "Lizard: a large-scale dataset for colonic nuclear instance segmentation and
    classification", ICCV Workshops, 2021. Data: https://warwick.ac.uk/fac/cross_fac/tia/data/lizard/, CC
    BY-NC-SA 4.0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...messages import suggest
from ...readers import probe
from ...readers.images_in_folder import by_stem
from ..formats.dataset_image import DatasetImage, paint_nuclei, pixels_of_nuclei
from ..formats.mat_file import as_label_map, read_mat
from ..formats.source import opened_files

LICENCE = "CC BY-NC-SA 4.0"
BY_HAND = (
    "open https://warwick.ac.uk/fac/cross_fac/tia/data/lizard/ in a browser (if it does not answer, the copy "
    "at https://www.kaggle.com/datasets/aadimator/lizard-dataset, which wants a login), save "
    "lizard_images1.zip, lizard_images2.zip and lizard_labels.zip in one folder, and give --source that "
    "folder"
)
CLASSES = ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective tissue")
PIXEL_SIZE_UM = 0.5  # 20x
FOLDS = 3
TABLE, COLUMNS = "info.csv", ("Filename", "Source", "Split")


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image of the table with its label map, classes, published fold, source and slide.

    Args:
        source: a folder with the images and labels, or with their archives.
        only: a source of images, such as "crag"; all if not given.

    Raises:
        FileNotFoundError: if the source, an image or its label file is not there.
        ValueError: if there is no table, a row of it cannot be used, or a label file is none of its image.
    """
    with opened_files(source) as files:
        tables = [path for path in files if path.name == TABLE]
        if not tables:
            raise ValueError(f"{source} holds no {TABLE}: put lizard_labels.zip, or its folder, into it")
        rows = _rows(tables[0])
        # Pictures with outlines of the same names, which copies of the set have too, lie in such a folder.
        pictures = (path for path in files if path.suffix.lower() == ".png")
        images = by_stem(path for path in pictures if path.parent.name.lower() != "overlay")
        labels = by_stem(path for path in files if path.suffix.lower() == ".mat")
        platforms = sorted({_platform(name) for name, _, _ in rows})
        if only is not None and only not in platforms:
            raise ValueError(f"lizard has no part {only!r}: {suggest(only, platforms)}")
        for name, slide, fold in rows:
            if only not in (None, _platform(name)):
                continue
            for kind, found in (
                ("lizard_images1.zip and lizard_images2.zip", images),
                ("lizard_labels.zip", labels),
            ):
                if name not in found:
                    suffix = "png" if found is images else "mat"
                    raise FileNotFoundError(
                        f"{source} lacks {name}.{suffix}, which {TABLE} lists: put {kind}, whole, into it, "
                        f"or unpack them again"
                    )
            yield _read_one(images[name], labels[name], slide, fold)


def _platform(name: str) -> str:
    return name.rsplit("_", 1)[0]


def _rows(table: Path) -> list[tuple[str, str, int]]:
    """Read name, slide and fold of each image."""
    lines = csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines())
    missing = [column for column in COLUMNS if column not in (lines.fieldnames or ())]
    if missing:
        raise ValueError(f"{table} has no column {' and no '.join(missing)}: download the data set again")
    rows = []
    for number, line in enumerate(lines, start=2):
        name, origin, fold = ((line[column] or "").strip() for column in COLUMNS)
        if not name or fold not in map(str, range(1, FOLDS + 1)):
            raise ValueError(
                f"{table}: row {number} names no image, or no fold of 1 to {FOLDS}: download the data set "
                f"again"
            )
        rows.append((name, origin.split("-lv1-")[0] if "-lv1-" in origin else "", int(fold)))
    return rows


def _read_one(image: Path, file: Path, slide: str, fold: int) -> DatasetImage:
    shape = probe(image).shape[1:]
    values, ids, numbers = read_mat(file, "inst_map", "id", "class")
    instances = as_label_map(values, file, shape)
    ids, numbers = np.ravel(ids).astype(np.int64), np.ravel(numbers).astype(np.int64)
    if len(ids) != len(numbers) or ((numbers < 1) | (numbers > len(CLASSES))).any():
        raise ValueError(
            f"{file} lists {len(ids)} nuclei and {len(numbers)} classes, or classes other than 1 to "
            f"{len(CLASSES)}: download the data set again"
        )
    named = dict(zip(ids.tolist(), numbers.tolist(), strict=True))
    nuclei = pixels_of_nuclei(instances)
    label_map, kept = paint_nuclei(list(nuclei.values()), shape)
    own = list(nuclei)
    classes = {
        label: CLASSES[named[own[position]] - 1]
        for label, position in enumerate(kept, start=1)
        if own[position] in named
    }
    extras: dict[str, Any] = {
        "platform": _platform(image.stem),
        "slide": slide,
        "pixel_size_um": PIXEL_SIZE_UM,
    }
    return DatasetImage(
        image.stem,
        image,
        label_map,
        {key: value for key, value in extras.items() if value},
        classes,
        fold=fold,
    )
