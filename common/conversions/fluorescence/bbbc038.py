"""BBBC038, the 2018 Data Science Bowl: `stage1_train` with one PNG mask per nucleus.

Layout: `<id>/images/<id>.png` and `<id>/masks/*.png`, in a folder or the downloaded archive.

References:
    Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", Nature
    Methods 16, 2019. Images: BBBC038v1, Broad Bioimage Benchmark Collection, CC0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...messages import suggest
from ...readers import read_image
from ...readers.image_file import is_image
from ...readers.images_in_folder import natural_key
from ...readers.plain_file import read_plain
from ..formats.dataset_image import DatasetImage, paint_nuclei
from ..formats.source import RemoteFile, opened_source

LICENCE = "CC0"
FILES = (RemoteFile("https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip"),)
KINDS = ("fluorescence", "tissue", "brightfield")
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map.

    Masks are painted bigger first, and detached specks of a mask are dropped. A set of grey pictures alone
    becomes images of one channel; as soon as one has colours, all have three.

    Args:
        source: the folder `stage1_train` or one around it, or its archive (Kaggle's own, with archives
            inside, too).
        only: "fluorescence" (grey on dark), "tissue" (in colours) or "brightfield" (grey on bright); all if
            not given.

    Raises:
        FileNotFoundError: if the source, or an image, is not there.
        ValueError: if there are no masks, or one is not of its image's size.
    """
    if only is not None and only not in KINDS:
        raise ValueError(f"bbbc038 has no part {only!r}: {suggest(only, KINDS)}")
    with opened_source(source) as folder:
        cases = _cases(folder)
        inner = next(folder.rglob("stage1_train.zip"), None)
        if not cases and inner is not None:
            yield from read(inner, only=only)
            return
        if not cases:
            raise ValueError(
                f"{source} holds no <id>/images and <id>/masks folders: give --source the folder or "
                f"archive stage1_train"
            )
        kinds = {case: kind_of(read_image(image).pixels) for case, image in cases.items()}
        chosen = [case for case, kind in kinds.items() if only in (None, kind)]
        if not chosen:
            raise ValueError(
                f"{source} holds no {only} images: it has {', '.join(sorted(set(kinds.values())))}"
            )
        logger.info("%d of %d images are read", len(chosen), len(cases))
        all_grey = all(kinds[case] != "tissue" for case in chosen)
        for case in chosen:
            pixels = read_image(cases[case]).pixels
            pixels = pixels[:1] if all_grey else np.broadcast_to(pixels, (3, *pixels.shape[1:]))
            label_map = _label_map(case / "masks", (pixels.shape[1], pixels.shape[2]))
            yield DatasetImage(case.name, pixels, label_map, {"platform": kinds[case]})


def kind_of(pixels: np.ndarray) -> str:
    """Tell fluorescence, stained tissue and brightfield apart by their colours.

    Args:
        pixels: an 8-bit picture; grey if its channels differ by 2 at most, dark if its median is below 100.

    Shapes:
        pixels: (1 or 3, H, W).
    """
    spread = pixels.max(axis=0).astype(int) - pixels.min(axis=0)
    if spread.max() > 2:
        return "tissue"
    return "fluorescence" if np.median(pixels[0]) < 100 else "brightfield"


def _cases(folder: Path) -> dict[Path, Path]:
    """Find every folder with masks, and its image."""
    cases = {}
    for masks in sorted(folder.rglob("masks"), key=natural_key):
        if "__MACOSX" in masks.parts or not masks.is_dir():
            continue
        case = masks.parent
        images = [file for file in (case / "images").glob("*") if is_image(file)]
        named = [file for file in images if file.stem == case.name] or images
        if len(named) != 1:
            raise ValueError(
                f"{case / 'images'} holds {len(named)} images, not one: download the data set again"
            )
        cases[case] = named[0]
    return cases


def _label_map(masks: Path, shape: tuple[int, int]) -> np.ndarray:
    nuclei = []
    for file in sorted(filter(is_image, masks.iterdir())):
        mask = read_plain(file).any(axis=0)
        if mask.shape != shape:
            raise ValueError(
                f"{file} is {mask.shape} pixels but its image is {shape}: download the data set again"
            )
        nuclei.append(np.flatnonzero(mask))
    return paint_nuclei(nuclei, shape, connected=True)[0]
