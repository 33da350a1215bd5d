"""ImageJ ROIs: a folder of images, each with a `.zip` or `.roi` file of its name that outlines its nuclei.

In ImageJ and Fiji: ROI Manager > More > Save. Names may say so: `slide.zip`, `slide.rois.zip` (as the
segmentation writes them), `RoiSet_slide.zip`, `slide_RoiSet.zip`. Coordinates are pixels of the image, with
the corner of the first pixel at 0, 0.
"""

from __future__ import annotations

import logging
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from ...geometry import outline_pixels
from ...messages import suggest
from ...readers import probe
from ..formats.dataset_image import DatasetImage
from ..formats.drawn_outlines import add_outline, annotated_images, image_of_outlines
from ..formats.pixel_runs import PixelRuns
from ..formats.source import opened_source

BY_HAND = (
    "these are annotations of your own: save them in ImageJ (ROI Manager > More > Save) beside their images, "
    "and give --source that folder"
)
logger = logging.getLogger(__name__)
_AREAS = {ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL}
_NO_OUTLINES = {ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE}  # the box around them is a rectangle


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has ROIs, with its label map; a group of ROIs is a class, "group 1".

    One ROI is one nucleus; where rings of a composite one lie inside each other, every second is a hole.
    Lines, points and texts are left out. The bigger nuclei are painted first.

    Args:
        source: a folder (or archive) of images and files of ROIs, together or in folders of their own.
        only: a class, such as "group 1"; other nuclei are left out.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if no image has ROIs, or a file is none of ImageJ's or of another image.
    """
    with opened_source(source) as folder:
        found = sorted([*folder.rglob("*.roi"), *folder.rglob("*.zip")])
        files = {_image_of(file): file for file in found}
        seen: set[str] = set()
        for image, file in annotated_images(
            folder, files, f"{source}", what=".zip or .roi", program="ImageJ"
        ):
            yield _read_one(image, file, only, seen)
        if only is not None and only not in seen:
            offer = suggest(only, sorted(seen)) if seen else "its ROIs have no groups"
            raise ValueError(f"{source} has no nuclei of class {only!r}: {offer}")


def pixels_inside(rings: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie inside a ROI; inside an even number of its rings is outside.

    Args:
        rings: the corners of each, x before y.
        shape: height and width; what lies outside is cut off.

    Shapes:
        rings: (N, 2) each.
        returns: (M,), flat indices row * width + column, ascending.

    Example:
        >>> square = np.array([[1, 0], [3, 0], [3, 1], [1, 1]])
        >>> pixels_inside([square], (2, 4)).tolist()
        [1, 2]
    """
    pixels = np.empty(0, np.int64)
    for ring in rings:
        pixels = np.setxor1d(pixels, outline_pixels(ring, shape), assume_unique=True)
    return pixels


def _image_of(file: Path) -> str:
    """Return the name of the image that a file of ROIs belongs to, as far as its own name tells."""
    name = re.sub(r"(\.rois)?\.(zip|roi)$", "", file.name, flags=re.IGNORECASE)
    return re.sub(r"^RoiSet[-_. ]+|[-_. ]+RoiSet$", "", name, flags=re.IGNORECASE)


def _read_one(image: Path, file: Path, only: str | None, seen: set[str]) -> DatasetImage:
    height, width = probe(image).shape[1:]
    nuclei, classes, others = PixelRuns((height, width)), [], 0
    for roi in _rois_of(file):
        if roi.roitype not in _AREAS or roi.subtype in _NO_OUTLINES:
            others += 1
            continue
        name = f"group {roi.group}" if roi.group else ""
        seen.update({name} - {""})
        if only is None or name == only:
            rings = roi.coordinates(multi=True)
            try:
                add_outline(nuclei, rings, partial(pixels_inside, rings, nuclei.shape))
            except (ValueError, IndexError):
                raise ValueError(
                    f"{file}: ROI {roi.name!r} has no outline of numbers: draw it again, or delete it"
                ) from None
            classes.append(name)
    if others:
        logger.warning("%s: %d lines, points, angles, texts or pictures are left out", file, others)
    return image_of_outlines(image, file, nuclei, (height, width), classes=classes)


def _rois_of(file: Path) -> Iterator[ImagejRoi]:
    try:
        if file.suffix.lower() == ".roi":
            yield ImagejRoi.frombytes(file.read_bytes())
            return
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".roi")]
            if not names and archive.namelist():
                raise ValueError("no .roi file in it")
            yield from (ImagejRoi.frombytes(archive.read(name)) for name in names)
    except (ValueError, IndexError, struct.error, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{file} holds no ROIs of ImageJ ({error}): save them again, in the ROI Manager > More > Save"
        ) from None
