"""NuInsSeg: H&E of 31 organs of human and mouse at 40x, 665 images of 512 x 512 pixels in five folds.

Layout: a folder an organ, `human bladder/tissue images/human_bladder_01.png` and so on, and beside the
pictures `label masks modify/<name>.tif`: a number a nucleus. The masks of vague areas are not read. Its
readme's five folds, made by scikit-learn's KFold with random state 19 over all pictures in order of their
paths, are made in the same way, when all 665 are there.

Public copies tell 0.25 um. The archive itself was not at hand when this was written; its readme, and programs
that read it and agree on its folders, were.

References:
    Mahbod et al., "NuInsSeg: a fully annotated dataset for nuclei instance segmentation in H&E-stained
    histological images", Scientific Data 11:295, 2024. Data: https://zenodo.org/records/10518968, CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...messages import suggest
from ..formats.dataset_image import DatasetImage
from ..formats.label_masks import LABELS, PICTURES, read_label_mask
from ..formats.source import RemoteFile, opened_source

LICENCE = "CC BY 4.0"
FILES = (RemoteFile("https://zenodo.org/records/10518968/files/NuInsSeg.zip"),)
PIXEL_SIZE_UM = 0.25  # 40x
IMAGES, FOLDS, SEED = 665, 5, 19


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image with its label map, organ and published fold.

    Args:
        source: the folder with the organs' folders, one around it, or the archive.
        only: an organ, such as "human bladder"; all if not given.

    Raises:
        FileNotFoundError: if the source, or the label map of an image, is not there.
        ValueError: if there is no picture, no such organ, or a label map is none of its picture.
    """
    with opened_source(source) as folder:
        # The organs' folders hold hundreds of archives of outlines, which stay closed.
        images = sorted(path for path in folder.rglob("*.png") if path.parent.name == PICTURES)
        if not images:
            raise ValueError(
                f"{source} holds no ORGAN/{PICTURES} with .png files: give --source the folder or archive "
                f"of NuInsSeg"
            )
        organs = sorted({path.parents[1].name for path in images})
        if only is not None and only not in organs:
            raise ValueError(f"nuinsseg has no part {only!r}: {suggest(only, organs)}")
        folds = published_folds(len(images))
        for image, fold in zip(images, folds, strict=True):
            organ = image.parents[1].name
            if only in (None, organ):
                label_map = read_label_mask(image.parents[1] / LABELS / f"{image.stem}.tif", image)
                extras = {"tissue": organ, "pixel_size_um": PIXEL_SIZE_UM}
                yield DatasetImage(image.stem, image, label_map, extras, fold=fold)


def published_folds(images: int) -> list[int]:
    """Return the number of the fold, 1 to 5, in which each image is tested; 0 where some are missing.

    Args:
        images: how many there are.

    Example:
        >>> folds = published_folds(665)
        >>> [folds.count(fold) for fold in range(6)], set(published_folds(600))
        ([0, 133, 133, 133, 133, 133], {0})
    """
    if images != IMAGES:
        return [0] * images
    order = np.arange(images)
    np.random.RandomState(SEED).shuffle(order)  # as KFold does, whose folds are equal parts of this order
    folds = [0] * images
    for fold, part in enumerate(np.array_split(order, FOLDS), start=1):
        for place in part:
            folds[place] = fold
    return folds
