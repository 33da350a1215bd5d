"""Post-NAT-BRCA: H&E regions of breast cancer after therapy, each with a Sedeen session of its nuclei.

Layout: `<slide>_Region <n>_crop.tif` with `Sedeen/<slide>_Region <n>_crop.session.xml`, or with
`<slide>_Region <n>_key.xml` beside it, in a folder or archive; any images with `<name>.xml` or
`<name>.session.xml` are read alike. A session lists graphics: of each a type, a description (the class of the
nucleus: IDC, TIL-S, normal, ...) and points, x before y, in pixels of the image with the corner of the first
at 0, 0. Polygons, splines and closed lines outline a nucleus, and so do ellipses (four corners of a rectangle
around them). Points show where nuclei are, not how large, and make no label map.

The collection itself was not at hand when this was written. Seen were a session of another image from the
same laboratory (its elements; polygon, ellipse, rectangle, polyline, point, text, ruler, arrow) and programs
that read the regions which the BreastPathQ challenge took from this collection (file names, classes). There
points alone mark the nuclei, so look at what yours holds: outlines are read, points are refused. The number
before `_Region` is taken for the slide; its patient stands only in a table of the collection.

References:
    Martel et al., "Assessment of residual breast cancer cellularity after neoadjuvant chemotherapy using
    digital pathology", The Cancer Imaging Archive, 2019, doi 10.7937/TCIA.2019.4YIBTJNO. Data: CC BY 3.0.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ...files import stem_of
from ...geometry import ellipse_corners, outline_pixels
from ...messages import suggest
from ...readers import probe
from ...readers.image_file import is_image
from ...readers.images_in_folder import by_stem, natural_key
from ..formats.dataset_image import DatasetImage
from ..formats.drawn_outlines import image_of_outlines, with_outlines
from ..formats.source import opened_source

LICENCE = "CC BY 3.0"
BY_HAND = (
    "open https://doi.org/10.7937/TCIA.2019.4YIBTJNO in a browser, save the region images and their Sedeen "
    "sessions in one folder, and give --source that folder"
)
OUTLINES = ("polygon", "spline")  # beside ellipses, and lines that end where they begin
POINTS = ("point", "pointset", "dot")
UNNAMED = re.compile(r"\s*(region\s*\d*)?\s*", re.IGNORECASE)  # what Sedeen itself calls a graphic
SCANNED_UM = (0.1, 1.0)  # a pixel of a scan at 20x or 40x lies between; other sizes are not believed
logger = logging.getLogger(__name__)


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has a session, with its label map, slide, pixel size and classes.

    The bigger nuclei are painted first. Graphics that are no outline are left out and counted.

    Args:
        source: the folder or archive of the region images and their sessions.
        only: the name of a class; nuclei of other classes are left out.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if no image has a session, a file is no session of its image, or it marks points only.
    """
    with opened_source(source) as folder:
        found = sorted((path for path in folder.rglob("*") if path.is_file()), key=natural_key)
        found = [path for path in found if "__MACOSX" not in path.parts]
        masks = [path for path in found if stem_of(path).endswith("_mask")]  # dots where the points are
        regions = (path for path in found if is_image(path) and path.suffix.lower() != ".svs")  # the slides
        images = by_stem(path for path in regions if path not in masks)
        sessions: dict[str, Path] = {}
        for path in found:
            if path.suffix.lower() == ".xml" and not path.name.startswith("."):
                name = region_of(path.name[: -len(".xml")])
                if name not in sessions or path.name.endswith(".session.xml"):
                    sessions[name] = path
        pairs = [(image, sessions.get(region_of(stem))) for stem, image in images.items()]
        none = (
            f"{source} holds {len(images)} images and {len(sessions)} .xml files but no two of one name: "
            f"give --source the folder or archive with the region images and their Sedeen sessions"
        )
        seen: set[str] = set()
        for image, session in with_outlines(pairs, what=".xml", none=none):
            yield _read_one(image, session, only, seen)
        if only is not None and only not in seen:
            known = suggest(only, sorted(seen)) if seen else "its nuclei have no classes"
            raise ValueError(f"{source} has no nuclei of class {only!r}: {known}")


def region_of(stem: str) -> str:
    """Return what the names of a region's image and annotations have in common.

    Example:
        >>> [region_of(stem) for stem in ("1_Region 2_crop", "1_Region 2_key", "1_Region 2_crop.session")]
        ['1_Region 2', '1_Region 2', '1_Region 2']
    """
    return re.sub(r"_(crop|key)$", "", stem.removesuffix(".session"))


def _read_one(image: Path, file: Path, only: str | None, seen: set[str]) -> DatasetImage:
    height, width = shape = probe(image).shape[1:]
    root = _session(file)
    drawn_on = _numbers(root.find(".//dimensions"))
    if len(drawn_on) == 2 and drawn_on != [width, height]:
        raise ValueError(
            f"{file} was drawn on an image of {drawn_on[0]:g} x {drawn_on[1]:g} pixels but {image.name} has "
            f"{width} x {height}: put that image beside it"
        )
    nuclei, classes, others, outlined = [], [], Counter[str](), 0
    for number, graphic in enumerate(root.iter("graphic")):
        kind = graphic.get("type", "").lower()
        points = _points(graphic, file, number)
        if not _is_outline(kind, points):
            others["points" if kind in POINTS else "other graphics"] += len(points) if kind in POINTS else 1
            continue
        outlined += 1
        name = _class_of(graphic)
        seen.update({name} - {""})
        if only is None or name == only:
            nuclei.append(outline_pixels(ellipse_corners(points) if kind == "ellipse" else points, shape))
            classes.append(name)
    if others["points"] and not outlined:
        raise ValueError(
            f"{file} marks {others['points']} nuclei by points and outlines none, but points do not say how "
            f"large nuclei are: outline them, or take {image.name} out of the source"
        )
    if others:
        left = " and ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        logger.warning("%s: %s are no outlines of nuclei and are left out", file.name, left)
    made = image_of_outlines(
        image, file, nuclei, (height, width), classes=classes, mend="download the data set again"
    )
    extras: dict[str, Any] = {"slide": slide_of(made.stem), "pixel_size_um": _pixel_size_um(root)}
    return replace(made, extras={key: value for key, value in extras.items() if value})


def slide_of(stem: str) -> str:
    """Return the number of the slide that a region was cut from; empty for other names.

    Example:
        >>> slide_of("12_Region 3_crop"), slide_of("mine_3")
        ('12', '')
    """
    found = re.match(r"(\d+)_Region", stem, re.IGNORECASE)
    return found[1] if found else ""


def _session(file: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file} is not XML ({error}): download the data set again") from None
    if root.tag != "session" and root.find(".//graphic") is None:
        raise ValueError(
            f"{file} is XML but no Sedeen session (it begins with {root.tag}): give the sessions of the "
            f"images"
        )
    return root


def _points(graphic: ElementTree.Element, file: Path, number: int) -> list[list[float]]:
    points = [_numbers(point) for point in graphic.iter("point")]
    if any(len(point) != 2 for point in points):
        raise ValueError(
            f"{file}: a point of graphic {graphic.get('name') or number} is no pair of numbers x,y: download "
            f"the data set again"
        )
    return points


def _numbers(element: ElementTree.Element | None) -> list[float]:
    """Read numbers with commas between them; nothing where one is none."""
    try:
        numbers = [float(word) for word in (element.text or "").split(",")] if element is not None else []
    except ValueError:
        return []
    return numbers if np.isfinite(numbers).all() else []


def _is_outline(kind: str, points: list[list[float]]) -> bool:
    if kind == "ellipse":
        return len(points) in (2, 4)
    return len(points) > 2 and (kind in OUTLINES or (kind == "polyline" and points[0] == points[-1]))


def _class_of(graphic: ElementTree.Element) -> str:
    words = (graphic.get("description", ""), graphic.get("name", ""))
    return next((word.strip() for word in words if not UNNAMED.fullmatch(word)), "")


def _pixel_size_um(root: ElementTree.Element) -> float:
    element = root.find(".//pixel-size")
    size = _numbers(element)
    known = element is not None and element.get("units") == "um" and size
    return size[0] if known and SCANNED_UM[0] <= size[0] < SCANNED_UM[1] else 0.0
