"""Files that this project wrote, told from those that are somebody's own and must stay."""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tifffile
from PIL import Image

__all__ = ["GEOJSON_START", "MARK", "TABLE_START", "is_made_here", "record_text", "recorded"]

# In the tag Software of a TIFF, and in the text of that name of a PNG. Programs that save a file anew, such
# as Fiji or napari, leave it out: a label map that somebody has corrected is theirs.
MARK = "nuclei-bundles"
# How the first line of a table begins, which has no place for a mark.
TABLE_START = ("label", "area_px", "centroid_row_px", "centroid_column_px")
SUMMARY_START = ("image", "nuclei", "fault")
EMBEDDINGS_START = ("label", "embedding_0")
_TABLES = (TABLE_START, SUMMARY_START, EMBEDDINGS_START)
# How polygons begin; programs ignore what a FeatureCollection has beside its features.
GEOJSON_START = f'{{"type":"FeatureCollection","made_by":"{MARK}","features":['


def record_text(record: Mapping[str, Any]) -> str:
    """Return what is noted in a TIFF of how it was made, for its tag ImageDescription.

    Args:
        record: anything that JSON holds.
    """
    return json.dumps({MARK: dict(record)}, separators=(",", ":"))


def recorded(path: Path) -> dict[str, Any] | None:
    """Return what `record_text` noted in a TIFF; None if the file is not ours, or not there.

    Args:
        path: any file.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    try:
        with tifffile.TiffFile(path) as tif:
            tags = tif.pages[0].tags
            if tags.valueof(305) != MARK:
                return None
            found = json.loads(tags.valueof(270) or "{}").get(MARK)
    except (OSError, ValueError, IndexError, AttributeError, tifffile.TiffFileError):
        return None
    return found if isinstance(found, dict) else None


def is_made_here(path: Path) -> bool:
    """Tell whether a segmentation wrote this label map (.tif), picture (.png), table (.csv) or outlines.

    Args:
        path: a file; what cannot be read was not.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".png":
            with Image.open(path) as picture:
                return picture.info.get("Software") == MARK
        if suffix == ".csv":
            with path.open(encoding="utf-8-sig") as table:
                names = tuple(table.readline().strip().split(","))
            return any(names[: len(start)] == start for start in _TABLES)
        if suffix == ".zip":
            with zipfile.ZipFile(path) as rois:
                return rois.comment == MARK.encode("ascii")
        if path.name.lower().endswith((".geojson", ".geojson.gz")):
            with gzip.open(path) if suffix == ".gz" else path.open("rb") as polygons:
                return polygons.read(len(GEOJSON_START)) == GEOJSON_START.encode("utf-8")
    except (OSError, EOFError, ValueError, SyntaxError, zlib.error, zipfile.BadZipFile):
        return False
    return recorded(path) is not None
