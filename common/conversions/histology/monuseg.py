"""MoNuSeg: H&E pictures of 1000 x 1000 pixels at 40x, each with an Aperio XML file that outlines its nuclei.

Layout: images and `.xml` files of the same names, together or in folders of their own (`Tissue Images` and
`Annotations`), in a folder or the downloaded archive. Coordinates are pixels, X before Y, with the corner of
the first pixel at 0, 0. Images in a folder (or archive) named as a test are the published test images.
Tried on all 14 files of the test archive and 13 of the 30 of the training archive (in each one layer of up to
818 regions, none of them negative; one file names no pixel size); of 9 files 8 fit their image best with the
corner there, not half a pixel on.

References:
    Kumar et al., "A multi-organ nucleus segmentation challenge", IEEE Transactions on Medical Imaging 39,
    2020. Data: CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ...geometry import outline_pixels
from ...readers import probe
from ...readers.image_file import is_image
from ...readers.images_in_folder import by_stem, natural_key
from ..formats.dataset_image import DatasetImage
from ..formats.drawn_outlines import image_of_outlines
from ..formats.source import opened_source

LICENCE = "CC BY-NC-SA 4.0"
BY_HAND = (
    "open https://monuseg.grand-challenge.org/Data/ in a browser, save the archives of the training and the "
    "test images (they lie on a drive that asks back before it sends them) in one folder, and give --source "
    "that folder"
)
TEST_FOLDER = re.compile("Test|TEST|(?<![A-Za-z])test")  # "MoNuSegTestData" and "test", not "latest"
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has annotations, with its label map, patient and pixel size.

    Where outlines overlap, the bigger nucleus is painted first: a small one that lies on a big one would be
    gone otherwise, whatever their order in the file. A region marked as negative is a hole.

    Args:
        source: the folder or archive of the training images, of the test images, or of both; a folder of the
            archives as they were downloaded will do.
        only: not used: the set has no parts.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if no image has annotations, or a file is no Aperio XML of its image.
    """
    if only is not None:
        raise ValueError(f"monuseg has no part {only!r}: leave --only out")
    with opened_source(source) as folder:
        found = [path for path in folder.rglob("*") if path.is_file() and "__MACOSX" not in path.parts]
        outlines = by_stem(path for path in found if path.suffix.lower() == ".xml" and path.name[0] != ".")
        images = by_stem(path for path in sorted(found, key=natural_key) if is_image(path))
        pairs = [stem for stem in images if stem in outlines]
        archives = sorted((path for path in found if path.suffix.lower() == ".zip"), key=natural_key)
        if archives and not pairs:
            for archive in archives:
                yield from read(archive)
            return
        if archives:  # perhaps the same images again
            logger.warning(
                "%d archives beside the images are left out, the first is %s", len(archives), archives[0].name
            )
        if not pairs:
            raise ValueError(
                f"{source} holds {len(images)} images and {len(outlines)} .xml files but no two of one name: "
                f"give --source the folder or archive of MoNuSeg"
            )
        for kind, alone in (("images without .xml", images), (".xml files without image", outlines)):
            left = [path.name for stem, path in alone.items() if stem not in pairs]
            if left:
                logger.warning("%d %s are left out, the first is %s", len(left), kind, left[0])
        for stem in pairs:
            image = images[stem]
            shape = probe(image).shape[1:]
            nuclei, pixel_size_um = read_outlines(outlines[stem], shape)
            made = image_of_outlines(
                image,
                outlines[stem],
                nuclei,
                (shape[0], shape[1]),
                classes=[""] * len(nuclei),
                mend="download the data set again",
            )
            extras: dict[str, Any] = {"patient": patient_of(stem), "pixel_size_um": pixel_size_um}
            folders = (Path(source).name, *image.relative_to(folder).parts[:-1])
            tested = any(TEST_FOLDER.search(name) for name in folders)
            yield replace(
                made,
                extras={key: value for key, value in extras.items() if value},
                split="test" if tested else "",
            )


def patient_of(stem: str) -> str:
    """Return the patient in a TCGA barcode: its first three fields; empty for other names.

    Example:
        >>> patient_of("TCGA-21-5784-01Z-00-DX1"), patient_of("mine-1-2-3")
        ('TCGA-21-5784', '')
    """
    found = re.match(r"TCGA-\w{2}-\w{4}(?=-|$)", stem, re.IGNORECASE)
    return found.group().upper() if found else ""


def read_outlines(file: Path, shape: tuple[int, int]) -> tuple[list[np.ndarray], float]:
    """Read the nuclei of an Aperio XML file.

    Args:
        file: the file.
        shape: height and width of its image; what lies outside is cut off.

    Returns:
        The flat pixel indices (row * width + column) of each nucleus, in the order of the file, and the pixel
        size in micrometres, 0 where the file does not say.

    Raises:
        ValueError: if the file is no such XML, or the corners of a region are no numbers.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file} is not XML ({error}): download the data set again") from None
    regions = list(root.iter("Region"))
    if root.tag != "Annotations":
        raise ValueError(f"{file} is XML but not Aperio's (it begins with {root.tag}): give annotations")
    nuclei: dict[str, np.ndarray] = {}
    holes: list[tuple[str, np.ndarray]] = []
    for number, region in enumerate(regions):
        name = region.get("Id") or f"number {number + 1}"
        try:
            corners = [
                (float(corner.attrib["X"]), float(corner.attrib["Y"])) for corner in region.iter("Vertex")
            ]
            if not np.isfinite(corners).all():
                raise ValueError("not finite")
        except (KeyError, ValueError):
            raise ValueError(
                f"{file}: a corner of region {name} lacks a number X or Y: download the data set again"
            ) from None
        pixels = np.empty(0, np.int64)  # of a click or a line
        if len(corners) > 2:
            pixels = outline_pixels(corners, shape)
        if region.get("NegativeROA") == "1":
            holes.append((region.get("InputRegionId", ""), pixels))
        else:
            nuclei[name if name not in nuclei else f"{name}, number {number + 1}"] = pixels
    for parent, pixels in holes:  # of the region that it names, else of all
        for name in [parent] if parent in nuclei else list(nuclei):
            nuclei[name] = np.setdiff1d(nuclei[name], pixels)
    try:
        pixel_size_um = float(root.get("MicronsPerPixel") or 0)
    except ValueError:
        pixel_size_um = 0.0
    return list(nuclei.values()), pixel_size_um if 0 < pixel_size_um < 100 else 0.0
