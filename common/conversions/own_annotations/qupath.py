"""QuPath GeoJSON: a folder of images, each with a `.geojson` file of the same name that outlines its nuclei.

In QuPath: File > Export objects as GeoJSON; compressed files (`.geojson.gz`, `.zip`) are read as they are.
Coordinates are pixels of the full-resolution image, x before y, with the corner of the first pixel at 0, 0,
so its centre is at 0.5, 0.5. Files are read object by object, and of each nucleus little is kept: 300,000 of
220 px took 0.14 GB beside their label map.
"""

from __future__ import annotations

import gzip
import json
import logging
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...geometry import outline_pixels
from ...messages import suggest
from ...readers import probe
from ..formats.dataset_image import DatasetImage, paint_nuclei
from ..formats.drawn_outlines import add_outline, annotated_images, image_of_outlines
from ..formats.json_stream import geojson_files, opened_geojson, stream_objects
from ..formats.pixel_runs import PixelRuns
from ..formats.regions import regions_among
from ..formats.source import opened_source

BY_HAND = (
    "these are annotations of your own: export them from QuPath (File > Export objects as GeoJSON) beside "
    "their images, and give --source that folder"
)
logger = logging.getLogger(__name__)
# Types of objects in letters alone; those of QuPath 0.2 stand in `id`, newer ones among the properties.
_TYPES = {
    **{"pathdetectionobject": "detection", "detection": "detection"},
    **{"pathcellobject": "cell", "cell": "cell", "pathtileobject": "tile", "tile": "tile"},
    **{"pathannotationobject": "annotation", "annotation": "annotation", "unknown": "annotation"},
    **{"tmacoreobject": "region", "tmacore": "region", "pathrootobject": "region", "root": "region"},
}
_MOST_NAMES = 10


class _NoGeoJsonError(ValueError):
    """What stands in a file where something else is expected."""


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has annotations, with its label map and the classes of its nuclei.

    One feature is one nucleus, its holes left out; of a cell its nucleus is taken, and its own outline is a
    whole cell (`cell_map`); where cells have nuclei, one without is a cell alone. Where a file has
    detections or cells, its annotations are regions around them and are left out; so are outlines that
    contain others (see `regions_among`), which a warning names. The bigger nuclei are painted first.

    Args:
        source: a folder (or archive) of images and `.geojson` files, packed ones too (`.geojson.gz`, or a
            `.zip` with one in it), together or in folders of their own.
        only: the name of a class; nuclei of other classes are left out.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if no image has annotations, or a file is no GeoJSON of pixels of its image.
    """
    with opened_source(source) as folder:
        pairs = annotated_images(
            folder, geojson_files(folder), f"{source}", what=".geojson", program="QuPath"
        )
        seen: set[str] = set()
        for image, file in pairs:
            yield read_one(image, file, only=only, seen=seen)
        if only is not None and only not in seen:
            raise ValueError(f"{source} has no nuclei of class {only!r}: {_offer(only, sorted(seen))}")


def nucleus_pixels(geometry: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie inside a polygon or several, and not in their holes.

    Args:
        geometry: GeoJSON Polygon or MultiPolygon in pixels (x, y).
        shape: height and width; what lies outside is cut off.

    Shapes:
        returns: (N,), flat indices row * width + column.

    Example:
        >>> square = {"type": "Polygon", "coordinates": [[[1, 0], [3, 0], [3, 1], [1, 1], [1, 0]]]}
        >>> nucleus_pixels(square, (2, 4)).tolist()
        [1, 2]
    """
    coordinates = geometry["coordinates"]
    found = [np.empty(0, np.int64)]
    for rings in coordinates if geometry["type"] == "MultiPolygon" else [coordinates]:
        outer, *holes = (outline_pixels(ring, shape) for ring in rings)
        for hole in holes:
            outer = np.setdiff1d(outer, hole)
        found.append(outer)
    return np.unique(np.concatenate(found))


def read_one(
    image: Path, file: Path, *, only: str | None = None, seen: set[str] | None = None
) -> DatasetImage:
    """Read the annotations of one image.

    Args:
        image: its file.
        file: the annotations.
        only: the name of a class; nuclei of other classes are left out.
        seen: gets the names of the classes that there are.

    Raises:
        ValueError: the file is no GeoJSON of pixels of this image.
    """
    height, width = probe(image).shape[1:]
    shape = height, width
    nuclei, cells = _nuclei_of(file, shape)
    regions = set(regions_among(nuclei.pixels, shape))
    if regions:
        _tell_of_regions(file, [nuclei.names[number] for number in sorted(regions)])
    others = [number for number in range(len(nuclei.classes)) if number not in regions]
    if seen is not None:
        seen.update({nuclei.classes[number] for number in others} - {""})
    kept = [number for number in others if only is None or nuclei.classes[number] == only]
    classes = [nuclei.classes[number] for number in kept]
    made = image_of_outlines(image, file, nuclei.pixels.take(kept), shape, classes=classes)
    if not cells.classes:
        return made
    whole = [number for number, name in enumerate(cells.classes) if only in (None, name)]
    return replace(made, cell_map=paint_nuclei(cells.pixels.take(whole), shape)[0])


def _tell_of_regions(file: Path, names: list[str]) -> None:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    logger.warning(
        "%s: %d outlines contain others and are left out as regions: %s",
        file,
        len(names),
        ", ".join(names[:_MOST_NAMES]) + more,
    )


class _Outlines:
    """What is kept of each outline: its pixels, its class, and what it is called.

    Args:
        shape: height and width of the image.
        whole: keep the outlines of cells, where there are others inside.
    """

    def __init__(self, shape: tuple[int, int], *, whole: bool = False) -> None:
        self.pixels, self.whole = PixelRuns(shape), whole
        self.classes: list[str] = []
        self.names: list[str] = []
        self.fault: int | None = None  # the first that is no outline
        self._known: dict[str, str] = {}  # one text for all nuclei of a class

    def add(self, feature: dict[str, Any]) -> None:
        try:
            inner = None if self.whole else feature.get("nucleusGeometry")
            self._outline(inner or feature["geometry"])
        except (TypeError, ValueError, IndexError, KeyError, OverflowError):
            self.fault = len(self.classes) if self.fault is None else self.fault
            return
        kind = _class_of(feature)
        name = _properties(feature).get("name") or kind or "without a name"
        self.classes.append(self._known.setdefault(kind, kind))
        self.names.append(self._known.setdefault(str(name), str(name)))

    def extend(self, others: _Outlines) -> None:
        """Add those of another list."""
        if others.fault is not None and self.fault is None:
            self.fault = len(self.classes) + others.fault
        for pixels in others.pixels:
            self.pixels.append(pixels)
        self.classes += others.classes
        self.names += others.names

    def _outline(self, geometry: dict[str, Any]) -> None:
        parts = geometry["coordinates"]
        rings = [ring for part in (parts if geometry["type"] == "MultiPolygon" else [parts]) for ring in part]
        add_outline(self.pixels, rings, lambda: nucleus_pixels(geometry, self.pixels.shape))


def _nuclei_of(file: Path, shape: tuple[int, int]) -> tuple[_Outlines, _Outlines]:
    """Return the outlines of a file that are nuclei, and those of whole cells, of which there may be none."""
    drawn, detected, bare = _Outlines(shape), _Outlines(shape), _Outlines(shape)
    cells = _Outlines(shape, whole=True)
    features = areas = 0
    try:
        with opened_geojson(file) as text:
            for content in stream_objects(text):
                for feature in _flat(content):
                    features += 1
                    if not _is_area(feature):
                        continue
                    areas += 1
                    kind = _type_of(feature)
                    if kind in ("detection", "cell", "tile"):
                        if kind == "cell" and not feature.get("nucleusGeometry"):
                            bare.add(feature)
                        else:
                            detected.add(feature)
                            if kind == "cell":
                                cells.add(feature)
                        if drawn.classes:  # regions, as it turns out
                            drawn = _Outlines(shape)
                    elif kind != "region" and not detected.classes and not bare.classes:
                        drawn.add(feature)
    except _NoGeoJsonError as error:
        raise ValueError(f"{file} is no GeoJSON of QuPath ({error}): export it from QuPath again") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON ({error}): export it from QuPath again") from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{file} cannot be unpacked ({error}): export it from QuPath again") from None
    if features and not areas:  # no feature at all is an image without nuclei
        raise ValueError(f"{file} holds no polygon: export the nuclei from QuPath as GeoJSON")
    # Where no cell has a nucleus, cell objects are how some programs call nuclei.
    (cells if cells.classes else detected).extend(bare)
    nuclei = detected if detected.classes or detected.fault is not None else drawn
    for outlines in (nuclei, cells):
        if outlines.fault is not None:
            raise ValueError(
                f"{file}: the outline of nucleus {outlines.fault} is no list of points: export it again"
            )
    left = areas - len(nuclei.classes) - (len(bare.classes) if cells.classes else 0)
    if left > 0:
        logger.info("%s: %d regions around nuclei are left out", file, left)
    return nuclei, cells


def _flat(content: Any) -> Iterator[dict[str, Any]]:
    """Walk through lists, collections and objects inside objects, down to the features."""
    if isinstance(content, list):
        for part in content:
            yield from _flat(part)
    elif isinstance(content, dict) and isinstance(content.get("features"), list):
        yield from _flat(content["features"])
    elif isinstance(content, dict) and content.get("type") in ("Polygon", "MultiPolygon"):
        yield {"geometry": content}
    elif isinstance(content, dict):
        yield content
        properties = _properties(content)
        yield from _flat(properties.get("childObjects") or properties.get("children") or [])
    else:
        raise _NoGeoJsonError(f"{_shown(content)} stands where an object should")


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    found = feature.get("properties") or {}
    if not isinstance(found, dict):
        raise _NoGeoJsonError(f'"properties" of an object is {_shown(found)}')
    return found


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]


def _is_area(feature: dict[str, Any]) -> bool:
    geometry = feature.get("geometry")
    return isinstance(geometry, dict) and geometry.get("type") in ("Polygon", "MultiPolygon")


def _type_of(feature: dict[str, Any]) -> str:
    properties = _properties(feature)
    said = (*(properties.get(key) for key in ("objectType", "object_type", "type")), feature.get("id"))
    plain = (str(word).replace("_", "").lower() for word in said)
    return next((_TYPES[word] for word in plain if word in _TYPES), "annotation")


def _class_of(feature: dict[str, Any]) -> str:
    given = _properties(feature).get("classification") or {}
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        name, names = given.get("name") or "", given.get("names") or []
        words = (str, int, float)  # some programs number their classes
        if (
            isinstance(name, words)
            and isinstance(names, list)
            and all(isinstance(one, words) for one in names)
        ):
            return str(name) or ": ".join(map(str, names))
    raise _NoGeoJsonError(f'"classification" of an object is {_shown(given)}')


def _offer(only: str, names: list[str]) -> str:
    return suggest(only, names) if names else "its nuclei have no classes"
