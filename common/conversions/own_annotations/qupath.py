"""QuPath GeoJSON: a folder of images, each with a `.geojson` file of the same name that outlines its nuclei.

In QuPath: File > Export objects as GeoJSON. Coordinates are pixels of the full-resolution image, x before y,
with the corner of the first pixel at 0, 0, so its centre is at 0.5, 0.5.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ...geometry import outline_pixels
from ...messages import suggest
from ...readers import probe
from ..formats.dataset_image import DatasetImage, paint_nuclei
from ..formats.drawn_outlines import annotated_images, image_of_outlines
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
_CONTAINED_SHARE, _REGION_RATIO, _MOST_NAMES = 0.9, 50, 10


def read(source: str | Path, *, only: str | None = None) -> Iterator[DatasetImage]:
    """Yield every image that has annotations, with its label map and the classes of its nuclei.

    One feature is one nucleus, its holes left out; of a cell its nucleus is taken, and its own outline is a
    whole cell (`cell_map`); where cells have nuclei, one without is a cell alone. Where a file has
    detections or cells, its annotations are regions around them and are left out; so are outlines that
    contain others (see `regions_among`), which a warning names. The bigger nuclei are painted first.

    Args:
        source: a folder (or archive) of images and `.geojson` files, together or in folders of their own.
        only: the name of a class; nuclei of other classes are left out.

    Raises:
        FileNotFoundError: if the source is not there.
        ValueError: if no image has annotations, or a file is no GeoJSON of pixels of its image.
    """
    with opened_source(source) as folder:
        files = {file.stem: file for file in sorted([*folder.rglob("*.json"), *folder.rglob("*.geojson")])}
        pairs = annotated_images(folder, files, f"{source}", what=".geojson", program="QuPath")
        seen: set[str] = set()
        for image, file in pairs:
            yield _read_one(image, file, only, seen)
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


def regions_among(outlines: list[np.ndarray], shape: tuple[int, int]) -> list[int]:
    """Tell which outlines are regions that nuclei were drawn in, and no nuclei.

    A region contains at least two other outlines (nine tenths of their pixels lie in it, and they are
    smaller), or one that is less than a fiftieth of its size: a fragment may lie on a large nucleus.

    Args:
        outlines: flat pixel indices of each.
        shape: height and width.

    Returns:
        Positions in the list, ascending.

    Example:
        >>> big, nucleus, other = np.arange(200), np.arange(3), np.arange(50, 53)
        >>> regions_among([nucleus, big, other], (1, 300)), regions_among([nucleus, other], (1, 300))
        ([1], [])
    """
    sizes = np.array([pixels.size for pixels in outlines], np.int64)
    if sizes.size < 2 or sizes.sum() == 0:
        return []
    starts = np.concatenate([[0], np.cumsum(sizes)])
    inside = sparse.csr_matrix(
        (np.ones(starts[-1], np.int32), np.concatenate(outlines), starts),
        (len(outlines), shape[0] * shape[1]),
    )
    shared = (inside @ inside.T).tocoo()  # pixels that two outlines have in common
    outer, inner = shared.row, shared.col
    contains = (sizes[inner] < sizes[outer]) & (shared.data >= _CONTAINED_SHARE * sizes[inner])
    outer, inner = outer[contains], inner[contains]
    several = np.bincount(outer, minlength=len(sizes)) > 1
    around_one = outer[sizes[outer] > _REGION_RATIO * sizes[inner]]
    return sorted({*np.flatnonzero(several).tolist(), *around_one.tolist()})


def _read_one(image: Path, file: Path, only: str | None, seen: set[str]) -> DatasetImage:
    height, width = probe(image).shape[1:]
    shape = height, width
    found = _nuclei_of(file)
    cells = [one for one in found if _type_of(one) == "cell"]
    if not any(one.get("nucleusGeometry") for one in cells):
        cells = []  # cell objects without a nucleus are how some programs call nuclei
    features = [one for one in found if not cells or one.get("nucleusGeometry") or _type_of(one) != "cell"]
    outlines = _pixels_of(features, file, shape)
    regions = regions_among(outlines, shape)
    if regions:
        _tell_of_regions(file, [features[number] for number in regions])
    nuclei, classes = [], []
    for number, (feature, pixels) in enumerate(zip(features, outlines, strict=True)):
        name = _class_of(feature)
        if number in regions:
            continue
        seen.update({name} - {""})
        if only is None or name == only:
            nuclei.append(pixels)
            classes.append(name)
    made = image_of_outlines(image, file, nuclei, shape, classes=classes)
    if not cells:
        return made
    whole = [{"geometry": one["geometry"]} for one in cells if only in (None, _class_of(one))]
    return replace(made, cell_map=paint_nuclei(_pixels_of(whole, file, shape), shape)[0])


def _pixels_of(features: list[dict[str, Any]], file: Path, shape: tuple[int, int]) -> list[np.ndarray]:
    """Return the pixels of each feature's nucleus, or of its only outline."""
    outlines = []
    for number, feature in enumerate(features):
        try:
            outlines.append(nucleus_pixels(feature.get("nucleusGeometry") or feature["geometry"], shape))
        except (TypeError, ValueError, IndexError, KeyError):
            raise ValueError(
                f"{file}: the outline of nucleus {number} is no list of points: export it again"
            ) from None
    return outlines


def _tell_of_regions(file: Path, regions: list[dict[str, Any]]) -> None:
    names = [
        (feature.get("properties") or {}).get("name") or _class_of(feature) or "without a name"
        for feature in regions
    ]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    logger.warning(
        "%s: %d outlines contain others and are left out as regions: %s",
        file,
        len(names),
        ", ".join(map(str, names[:_MOST_NAMES])) + more,
    )


def _nuclei_of(file: Path) -> list[dict[str, Any]]:
    """Return the features of a file that outline nuclei."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON ({error}): export it from QuPath again") from None
    everything = list(_flat(content))
    features = [feature for feature in everything if _is_area(feature)]
    if everything and not features:  # no feature at all is an image without nuclei
        raise ValueError(f"{file} holds no polygon: export the nuclei from QuPath as GeoJSON")
    drawn = [feature for feature in features if _type_of(feature) != "region"]
    detected = [feature for feature in drawn if _type_of(feature) in ("detection", "cell", "tile")]
    nuclei = detected or drawn
    if len(nuclei) < len(features):
        logger.info("%s: %d regions around nuclei are left out", file, len(features) - len(nuclei))
    return nuclei


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
        properties = content.get("properties") or {}
        yield from _flat(properties.get("childObjects") or properties.get("children") or [])


def _is_area(feature: dict[str, Any]) -> bool:
    geometry = feature.get("geometry")
    return isinstance(geometry, dict) and geometry.get("type") in ("Polygon", "MultiPolygon")


def _type_of(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    said = (*(properties.get(key) for key in ("objectType", "object_type", "type")), feature.get("id"))
    plain = (str(word).replace("_", "").lower() for word in said)
    return next((_TYPES[word] for word in plain if word in _TYPES), "annotation")


def _class_of(feature: dict[str, Any]) -> str:
    given = (feature.get("properties") or {}).get("classification") or {}
    if isinstance(given, str):
        return given
    return str(given.get("name") or ": ".join(given.get("names") or []))


def _offer(only: str, names: list[str]) -> str:
    return suggest(only, names) if names else "its nuclei have no classes"
