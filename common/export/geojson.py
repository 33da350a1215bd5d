"""Label maps -> nuclei, or cells with their nuclei, as GeoJSON that QuPath opens."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from ..files import GEOJSON_START, write_whole
from ..geometry import label_polygons

__all__ = ["cell_features", "nuclei_features", "write_geojson"]

_CLASS = {"name": "Nucleus", "color": [255, 128, 0]}
_CELL_CLASS = {"name": "Cell", "color": [30, 144, 255]}
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
    measurements = _Measurements(table)
    for number, polygons in label_polygons(label_map):
        named = {**_CLASS, "name": classes[number]} if classes and number in classes else _CLASS
        measured = {"label": number, **measurements.of(number)}
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_SPACE, f"{name}/{number}")),
            "geometry": _geometry(polygons),
            "properties": {"objectType": "detection", "classification": named, "measurements": measured},
        }


def cell_features(
    label_map: Integer[np.ndarray, "h w"],
    cells: Integer[np.ndarray, "h w"],
    table: Mapping[str, np.ndarray] | None = None,
    cell_table: Mapping[str, np.ndarray] | None = None,
    *,
    name: str = "",
) -> Iterator[dict[str, Any]]:
    """Yield each cell as a GeoJSON feature, a cell object in QuPath's words, in the order of the numbers.

    `geometry` is the cell's outline, `nucleusGeometry` that of its nucleus; a cell without one has none.

    Args:
        label_map: nuclei; 0 = background, i = nucleus i.
        cells: i = the cell of nucleus i, or, beyond the nuclei's numbers, one without a nucleus.
        table: measurements of the nuclei, see `nuclei_table`.
        cell_table: those of the cells, see `cell_table`.
        name: of the image, which makes ids different from those of other images.

    Shapes:
        label_map, cells: (H, W), integers.

    Example:
        >>> nuclei = np.array([[0, 1, 0], [0, 0, 0]])
        >>> cell, other = cell_features(nuclei, np.array([[1, 1, 0], [0, 0, 2]]))
        >>> cell["properties"]["objectType"], cell["nucleusGeometry"]["coordinates"]
        ('cell', [[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]])
        >>> "nucleusGeometry" in other
        False
    """
    of_nuclei, of_cells = _Measurements(table), _Measurements(cell_table)
    nuclei = label_polygons(label_map)
    nucleus = next(nuclei, None)
    for number, polygons in label_polygons(cells):
        geometries = {"geometry": _geometry(polygons)}
        if nucleus is not None and nucleus[0] == number:
            geometries["nucleusGeometry"] = _geometry(nucleus[1])
            nucleus = next(nuclei, None)
        measured = {"label": number, **of_nuclei.of(number), **of_cells.of(number)}
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_SPACE, f"{name}/cell/{number}")),
            **geometries,
            "properties": {"objectType": "cell", "classification": _CELL_CLASS, "measurements": measured},
        }


class _Measurements:
    """A table's rows by the number of the nucleus or cell, as QuPath takes them."""

    def __init__(self, table: Mapping[str, np.ndarray] | None) -> None:
        self.columns = {key: values for key, values in (table or {}).items() if key not in _NO_MEASUREMENTS}
        self.rows = {int(number): row for row, number in enumerate((table or {}).get("label", ()))}

    def of(self, number: int) -> dict[str, float | int | None]:
        """Return what was measured; nothing where the table has no such row."""
        if number not in self.rows:
            return {}
        row = self.rows[number]
        return {key: _number(values[row]) for key, values in self.columns.items()}


def _geometry(polygons: Sequence[Sequence[np.ndarray]]) -> dict[str, Any]:
    coordinates = [[ring.tolist() for ring in polygon] for polygon in polygons]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


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
