"""What CryoNuSeg and NuInsSeg have in common: a folder of pictures, and beside it one of label maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...readers import probe, read_labels
from .dataset_image import paint_nuclei, pixels_of_nuclei

PICTURES = "tissue images"
LABELS = "label masks modify"
"""Where of nuclei that overlap each pixel belongs to one; "label masks" beside it gives overlaps a number."""


def read_label_mask(file: Path, image: Path) -> np.ndarray:
    """Read a label map, and number its nuclei 1 to N.

    Args:
        file: the label map.
        image: its picture.

    Shapes:
        returns: (H, W), uint16, or uint32 above 65,535 nuclei.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: if it is no label map of that picture.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"{image} has no {LABELS}/{file.name}: unpack or download the data set again, whole"
        )
    found, shape = read_labels(file), probe(image).shape[1:]
    if found.shape != tuple(shape):
        raise ValueError(
            f"{file} is {found.shape[1]} x {found.shape[0]} px, and its picture {shape[1]} x {shape[0]}: "
            f"download the data set again"
        )
    return paint_nuclei(list(pixels_of_nuclei(found).values()), found.shape)[0]
