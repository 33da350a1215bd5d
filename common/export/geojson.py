"""A label map -> nuclei as GeoJSON that QuPath opens: polygons, measurements, classes."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from ..files import GEOJSON_START, write_whole
from ..geometry import label_polygons

__all__ = ["nuclei_features", "write_geojson"]

_CLASS = {"name": "Nucleus", "color": [255, 128, 0]}
_SPACE = uuid.UUID("2f6f1b5c-5d0e-4c39-9a54-93f6e0b1d7aa")  # ids of the same nuclei are the same in every run
# A table's columns that are no measurements: number and place stand elsewhere.
_NO_MEASUREMENTS = ("label", "centroid_row_px", "centroid_column_px")


def nuclei_features(
    label_map: Integer[np.ndarray, "h w"],
    table: Mapping[str, np.ndarray] | None = None,
    *,
    name: str = "",
    classes: Mapping[int, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield each nucleus as a GeoJSON feature, a detection in QuPath's words, in the order of the numbers.

    Coordinates are x, y in pixels of the image, and outlines run along the edges of pixels: the area inside
    is the nucleus' area.

    Args:
        label_map: 0 = background, i = nucleus i.
        table: measurements, see `nuclei_table`; its columns but number and centroid become QuPath's.
        name: of the image, which makes ids different from those of other images.
        classes: class of each nucleus that has one; others are "Nucleus".

    Shapes:
        label_map: (H, W), integers.

    Example:
        >>> table = {"label": np.array([4]), "area_px": np.array([2])}
        >>> (nucleus,) = nuclei_features(np.array([[0, 4], [0, 4]]), table)
        >>> nucleus["geometry"]
        {'type': 'Polygon', 'coordinates': [[[1, 0], [2, 0], [2, 2], [1, 2], [1, 0]]]}
        >>> nucleus["properties"]["measurements"]
        {'label': 4, 'area_px': 2}
    """
    columns = {key: values for key, values in (table or {}).items() if key not in _NO_MEASUREMENTS}
    rows = {int(number): row for row, number in enumerate((table or {}).get("label", ()))}
    for number, polygons in label_polygons(label_map):
        measured: dict[str, float | int | None] = {"label": number}
        if number in rows:
            measured |= {key: _number(values[rows[number]]) for key, values in columns.items()}
        named = {**_CLASS, "name": classes[number]} if classes and number in classes else _CLASS
        coordinates = [[ring.tolist() for ring in polygon] for polygon in polygons]
        geometry = (
            {"type": "Polygon", "coordinates": coordinates[0]}
            if len(coordinates) == 1
            else {"type": "MultiPolygon", "coordinates": coordinates}
        )
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_SPACE, f"{name}/{number}")),
            "geometry": geometry,
            "properties": {"objectType": "detection", "classification": named, "measurements": measured},
        }


def write_geojson(path: str | os.PathLike[str], features: Iterator[Mapping[str, Any]]) -> Path:
    """Write features one after the other as a FeatureCollection, whole or not at all.

    Args:
        path: the file, `.geojson`, or `.geojson.gz` to compress it; one that exists is replaced.
        features: for example of `nuclei_features`.

    Returns:
        The file, as a path.
    """
    zipped = Path(path).suffix.lower() == ".gz"

    def write(part: Path) -> None:
        with part.open("wb") as raw:
            # Without the time in it the same nuclei are the same bytes.
            out = gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) if zipped else raw
            out.write(GEOJSON_START.encode("utf-8"))
            for number, feature in enumerate(features):
                line = json.dumps(feature, separators=(",", ":"), allow_nan=False)
                out.write(f"{',' if number else ''}\n{line}".encode())
            out.write(b"\n]}\n")
            if zipped:
                out.close()

    return write_whole(path, write)


def _number(value: Any) -> float | int | None:
    """Return a number that JSON has; QuPath takes null for what is not measured."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(f"{value:.6g}") if np.isfinite(value) else None
