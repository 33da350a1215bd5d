"""PanNuke: H&E of 19 tissues at 40x, 7901 images of 256 x 256 pixels in three folds, nuclei of five classes.

Layout: for each fold `Fold 1/images/fold1/images.npy` (N, 256, 256, 3), `types.npy` beside it (N tissues) and
`Fold 1/masks/fold1/masks.npy` (N, 256, 256, 6: one channel a class with the numbers of its nuclei, the last
is the background), in a folder, or the downloaded `fold_1.zip` to `fold_3.zip`, which are read without
unpacking: with reals of eight bytes the arrays are 37 GB. The folds stay as they are published, and each
image knows its tissue, by which an evaluation averages as published figures do.

Their readme tells 40x, and public copies 0.25 um. The archives themselves were not at hand when this was
written. Seen were their readme, and programs that read them, which agree on folders, names and channels; the
checksums are those that two of them hold downloads against.

References:
    Gamper et al., "PanNuke: an open pan-cancer histology dataset for nuclei instance segmentation and
    classification", ECDP 2019. Gamper et al., "PanNuke dataset extension, insights and baselines",
    arXiv:2003.10778, 2020. Data: https://warwick.ac.uk/fac/cross_fac/tia/data/pannuke, CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...messages import suggest
from ..formats.dataset_image import DatasetImage, paint_nuclei, pixels_of_nuclei
from ..formats.npy_stream import Opened, npy_files, npy_shape, opened_rows
from ..formats.source import RemoteFile

LICENCE = "CC BY-NC-SA 4.0"
_URL = "https://warwick.ac.uk/fac/cross_fac/tia/data/pannuke"
FILES = (
    RemoteFile(
        f"{_URL}/fold_1.zip", "sha256:6e19ad380300e8ce9480f9ab6a14cc91fa4b6a511609b40e3d70bdf9c881ed0b"
    ),
    RemoteFile(
        f"{_URL}/fold_2.zip", "sha256:5bc540cc509f64b5f5a274d6e5a245527dbd3e6d3155d43555115c5d54709b07"
    ),
    RemoteFile(
        f"{_URL}/fold_3.zip", "sha256:c14d372981c42f611ebc80afad01702b89cad8c1b3089daa31931cf5a4b1a39d"
    ),
)
CLASSES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")
PIXEL_SIZE_UM = 0.25  # 40x
FOLDS = 3
PARTS = ("images", "masks", "types")


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map, classes, published fold and tissue.

    Nuclei of several classes on one pixel: the smaller one lies on top.

    Args:
        source: the folder or archive of a fold, or a folder with several.
        only: a tissue, such as "Breast"; all if not given.

    Raises:
        FileNotFoundError: if the source, or one of the three files of a fold, is not there.
        ValueError: if no fold is there, an array has another shape, or is damaged.
    """
    with npy_files(source) as files:
        folds = {number: files_of(number, files) for number in range(1, FOLDS + 1)}
        if not any(folds.values()):
            raise ValueError(
                f"{source} holds no images.npy, masks.npy and types.npy of a fold: give --source the folder "
                f"of fold_1.zip, fold_2.zip and fold_3.zip"
            )
        tissues: set[str] = set()
        for number, parts in folds.items():
            missing = [f"{part}.npy" for part in PARTS if parts and part not in parts]
            if missing:
                raise FileNotFoundError(
                    f"{source} lacks {' and '.join(missing)} of fold {number}: put fold_{number}.zip, whole, "
                    f"into it, or unpack it again"
                )
            if parts:
                yield from _read_fold(number, parts, only, tissues)
        if only is not None and only not in tissues:
            raise ValueError(f"pannuke has no part {only!r}: {suggest(only, sorted(tissues))}")


def files_of(number: int, files: dict[str, Opened]) -> dict[str, tuple[str, Opened]]:
    """Return images, masks and types of a fold: the files with its number in their path, nearest the end.

    Args:
        number: of the fold.
        files: what opens them, by path.

    Example:
        >>> folder = "x/fold_1.zip/Fold 1/images/fold1"
        >>> paths = {f"{folder}/images.npy": open, f"{folder}/types.npy": open}
        >>> sorted(files_of(1, paths)), files_of(2, paths)
        (['images', 'types'], {})
    """
    found = {}
    for path, opened in files.items():
        part = Path(path).stem
        told = re.findall(r"fold[ _-]?(\d)", path.lower())
        if part in PARTS and told and int(told[-1]) == number:
            found[part] = (path, opened)
    return found


def _read_fold(
    number: int, parts: dict[str, tuple[str, Opened]], only: str | None, tissues: set[str]
) -> Iterator[DatasetImage]:
    shapes = {part: npy_shape(*parts[part]) for part in PARTS}
    count, *size = shapes["images"][:3]
    expected = {"images": (count, *size, 3), "masks": (count, *size, len(CLASSES) + 1), "types": (count,)}
    for part, shape in expected.items():
        if shapes[part] != shape:
            raise ValueError(
                f"{parts[part][0]} has the shape {shapes[part]}, not {shape}: put the files of one fold "
                f"together"
            )
    with opened_rows(*(parts[part] for part in PARTS)) as rows:
        for row, (image, masks, kind) in enumerate(rows):
            tissue = str(kind.item())
            tissues.add(tissue)
            if only in (None, tissue):
                yield _read_one(f"fold{number}_{row:04d}", image, masks, tissue, number)


def _read_one(stem: str, image: np.ndarray, masks: np.ndarray, tissue: str, fold: int) -> DatasetImage:
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(2, 0, 1)
    nuclei, names = [], []
    for channel, name in enumerate(CLASSES):
        for own in pixels_of_nuclei(masks[..., channel].astype(np.int64)).values():
            nuclei.append(own)
            names.append(name)
    label_map, kept = paint_nuclei(nuclei, (image.shape[0], image.shape[1]))
    classes = {label: names[position] for label, position in enumerate(kept, start=1)}
    return DatasetImage(
        stem, pixels, label_map, {"tissue": tissue, "pixel_size_um": PIXEL_SIZE_UM}, classes, fold=fold
    )
