"""Channel names and pixel sizes as the dialects of TIFF write them: OME, ImageJ, QPTIFF, SVS, plain tags."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import tifffile

_UNIT_UM = {
    "m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "nm": 1e-3,
    "microns": 1.0, "micrometer": 1.0, "pm": 1e-6, "å": 1e-4, "in": 25400.0, "inch": 25400.0, "\\u00b5m": 1.0,
}  # fmt: skip
# A scanner or a drawing program writes 72 or 300 dots per inch whatever the microscope was: not a pixel size.
_PLAUSIBLE_UM = (0.01, 20.0)


def channel_names_in(tif: tifffile.TiffFile, count: int) -> tuple[str, ...]:
    """Return the names that a file gives its channels; empty where it gives none.

    Args:
        tif: an open file.
        count: number of channels, so that names of something else are not taken.
    """
    found = _ome_names(tif) or _imagej_names(tif) or _shaped_names(tif) or _page_names(tif)
    return found if len(found) == count and any(found) else ()


def pixel_size_in(tif: tifffile.TiffFile) -> float | None:
    """Return the edge of a pixel in micrometres, or None where the file does not say.

    Args:
        tif: an open file.
    """
    size = _ome_size(tif) if tif.is_ome else None
    if size is None and tif.is_svs:
        match = re.search(r"MPP\s*=\s*([0-9.eE+-]+)", tif.pages[0].description or "")
        size = _number(match.group(1)) if match else None
    if size is None:
        size = _tag_size(tif)
    return size if size is not None and 0 < size < math.inf else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _xml(text: str | None) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml.*?\?>", "", text)) if text else None
    except ElementTree.ParseError:
        return None  # a broken description costs the names, not the image


def _ome_pixels(tif: tifffile.TiffFile) -> ElementTree.Element | None:
    root = _xml(tif.ome_metadata) if tif.is_ome else None
    return root.find("{*}Image/{*}Pixels") if root is not None else None


def _ome_names(tif: tifffile.TiffFile) -> tuple[str, ...]:
    pixels = _ome_pixels(tif)
    if pixels is None:
        return ()
    return tuple(channel.get("Name", "") for channel in pixels.findall("{*}Channel"))


def _ome_size(tif: tifffile.TiffFile) -> float | None:
    pixels = _ome_pixels(tif)
    size = _number(pixels.get("PhysicalSizeX")) if pixels is not None else None
    if pixels is None or size is None:
        return None
    factor = _UNIT_UM.get(pixels.get("PhysicalSizeXUnit", "µm").casefold())
    return size * factor if factor else None


def _imagej(tif: tifffile.TiffFile) -> dict[str, Any]:
    return (tif.imagej_metadata or {}) if tif.is_imagej else {}


def _imagej_names(tif: tifffile.TiffFile) -> tuple[str, ...]:
    labels = _imagej(tif).get("Labels") or []
    return tuple(str(label) for label in labels)


def _shaped_names(tif: tifffile.TiffFile) -> tuple[str, ...]:
    shaped: Any = tif.shaped_metadata
    channel = shaped[0].get("Channel") if shaped else None
    names = channel.get("Name") if isinstance(channel, dict) else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _page_names(tif: tifffile.TiffFile) -> tuple[str, ...]:
    """Read a name from each page: PerkinElmer's description (QPTIFF), else the PageName tag."""
    names = []
    for page in tif.series[0].pages:
        tags = getattr(page, "tags", None)
        if tags is None and page is not None:
            tags = page.aspage().tags
        if not tags:
            return ()
        root = _xml(tags.valueof(270)) if tif.is_qpi else None
        name = "" if root is None else root.findtext("Biomarker") or root.findtext("Name") or ""
        names.append(name or str(tags.valueof(285) or ""))
    return tuple(names)


def _tag_size(tif: tifffile.TiffFile) -> float | None:
    tags = tif.pages[0].tags
    resolution = tags.valueof(282)
    try:
        per_unit = resolution[0] / resolution[1]
        unit = {2: 25400.0, 3: 10000.0}.get(int(tags.valueof(296) or 0))
        if unit is None or "unit" in _imagej(tif):
            unit = _UNIT_UM.get(str(_imagej(tif).get("unit", "")).casefold())
        size = unit / per_unit if unit else None
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return size if size is not None and _PLAUSIBLE_UM[0] <= size <= _PLAUSIBLE_UM[1] else None
