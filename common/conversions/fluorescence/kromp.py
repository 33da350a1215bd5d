"""S-BSST265 of Kromp et al.: fluorescence images of nuclei in tissue, smears and cultures, with label maps.

Layout: `rawimages/<name>.tif`, `groundtruth/<name>.tif` and `image_description.csv` (columns with a semicolon
between them), in a folder or the downloaded `dataset.zip`. Of the 79 images the table calls some "train" and
the others "test"; those are the published test images. Public copies of the two lists name 42 and 37.

The archive itself was not at hand when this was written. Its readme and programs that read it were: they tell
folders, file names, the columns and that images may be grey stored as RGB. Neither tells a pixel size (the
magnification is part of the platform instead) or a patient, so images of one patient may lie on both sides of
a split by seed.

References:
    Kromp et al., "An annotated fluorescence image dataset for training nuclear segmentation methods",
    Scientific Data 7, 2020. Images: S-BSST265 (also S-BIAD634), BioStudies, CC0.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...geometry import label_type
from ...messages import suggest
from ...readers import probe, read_image, read_labels
from ...readers.images_in_folder import by_stem, images_in
from ..formats.dataset_image import DatasetImage
from ..formats.source import RemoteFile, opened_source

LICENCE = "CC0"
FILES = (
    RemoteFile(
        "https://www.ebi.ac.uk/biostudies/files/S-BSST265/dataset.zip",
        "sha256:8285987ed4d57c46a46a55a33c1c085875ea41f429b59cde31d249741aa07ad1",
    ),
)
TABLE, IMAGES, LABELS = "image_description.csv", "rawimages", "groundtruth"
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image of the table with its label map, platform, diagnosis and preparation.

    Args:
        source: the folder with `image_description.csv` or one around it, or `dataset.zip`.
        only: a diagnosis or a preparation of the table, in any letter case; all if not given.

    Raises:
        FileNotFoundError: if the source, an image or its label map is not there.
        ValueError: if there is no table, a row of it cannot be used, or a label map has another size.
    """
    with opened_source(source) as folder:
        tables = [path for path in folder.rglob("*") if path.name.lower() == TABLE]
        tables = [path for path in tables if "__MACOSX" not in path.parts]
        if not tables:
            raise ValueError(
                f"{source} holds no {TABLE}: give --source the folder or archive dataset.zip of S-BSST265"
            )
        rows = _rows(tables[0])
        images, labels = (_files(tables[0].parent / name) for name in (IMAGES, LABELS))
        left = sorted(set(images) - {row["name"] for row in rows})
        if left:
            logger.warning("%d images are not in %s, the first is %s", len(left), TABLE, left[0])
        chosen = [row for row in rows if _is_part(row, only)]
        if not chosen:
            parts = sorted({row[key] for row in rows for key in ("diagnosis", "preparation")} - {""})
            raise ValueError(f"kromp has no part {only!r}: {suggest(str(only), parts)}")
        for row in chosen:
            for files, name in ((images, IMAGES), (labels, LABELS)):
                if row["name"] not in files:
                    raise FileNotFoundError(
                        f"{tables[0].parent / name} lacks {row['name']}.tif, which {TABLE} lists: unpack or "
                        f"download the data set again"
                    )
            yield _read_one(row, images[row["name"]], labels[row["name"]])


def _read_one(row: dict[str, str], image: Path, label: Path) -> DatasetImage:
    pixels = read_image(image).pixels.max(axis=0, keepdims=True)  # of grey, or one colour, stored as RGB
    label_map = _label_map(label)
    if label_map.shape != pixels.shape[1:]:
        raise ValueError(
            f"{label} is {label_map.shape} pixels but its image is {pixels.shape[1:]}: download the data set "
            f"again"
        )
    extras = {
        "platform": " ".join(filter(None, (row["modality"], row["magnification"]))),
        "diagnosis": row["diagnosis"],
        "preparation": row["preparation"],
    }
    return DatasetImage(
        row["name"],
        pixels,
        label_map,
        {key: value for key, value in extras.items() if value},
        split=row["split"],
    )


def _label_map(file: Path) -> np.ndarray:
    """Read labels as they are numbered; where a file is in colours, each colour is a nucleus."""
    if probe(file, for_labels=True).shape[0] == 1:
        labels = read_labels(file)
    else:
        code = np.zeros(probe(file).shape[1:], np.int64)
        for channel in read_image(file).pixels:
            code = code << 16 | channel
        values, labels = np.unique(code, return_inverse=True)
        labels = labels.reshape(code.shape) + (values[0] > 0)  # black is the background
    return labels.astype(label_type(int(labels.max())))


def _rows(table: Path) -> list[dict[str, str]]:
    """Read the table; letter case, spaces and signs in its headings do not count, nor what stands around."""
    text = table.read_text(encoding="utf-8-sig", errors="replace")
    first = text.split("\n", 1)[0]
    lines = csv.reader(text.splitlines(), delimiter=max(";,\t", key=first.count))
    headings = [re.sub("[^a-z]", "", heading.lower()) for heading in next(lines, [])]
    wanted = {"name": "imagename", "split": "testsetsplit"} | {
        key: key for key in ("diagnosis", "preparation", "magnification", "modality")
    }
    places = {
        key: next((place for place, heading in enumerate(headings) if heading.endswith(word)), None)
        for key, word in wanted.items()
    }
    missing = [
        word
        for key, word in (("name", "Image_Name"), ("split", "Train-/Testset split"))
        if places[key] is None
    ]
    if missing:
        raise ValueError(f"{table} has no column {' and no '.join(missing)}: download the data set again")
    rows = []
    for number, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        row = {
            key: line[place].strip() if place is not None and place < len(line) else ""
            for key, place in places.items()
        }
        row["name"] = re.sub(r"\.tiff?$", "", row["name"], flags=re.IGNORECASE)
        kind = row["split"].lower()[:5]
        row["split"] = "test" if kind.startswith("test") else "training" if kind == "train" else ""
        if not row["name"] or not row["split"]:
            raise ValueError(
                f"{table}: row {number} names no image, or calls it neither train nor test: download the "
                f"data set again"
            )
        rows.append(row)
    return rows


def _is_part(row: dict[str, str], only: str | None) -> bool:
    return only is None or str(only).casefold() in (
        row["diagnosis"].casefold(),
        row["preparation"].casefold(),
    )


def _files(folder: Path) -> dict[str, Path]:
    return by_stem(images_in(folder)) if folder.is_dir() else {}
