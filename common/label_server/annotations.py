"""A label map -> polygons in the form that MONAI Label hands to QuPath, DSA and ASAP."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Integer

from ..geometry import label_polygons, ring_area

__all__ = ["NUCLEUS", "annotation_of"]

NUCLEUS = "nucleus"
_COLOUR = (255, 128, 0)


def annotation_of(
    label_map: Integer[np.ndarray, "h w"],
    *,
    origin: tuple[float, float] = (0, 0),
    step: float = 1.0,
    min_area_px: float = 0,
) -> dict[str, Any]:
    """Return the outlines of all nuclei, one polygon each; of a nucleus in parts the largest.

    Args:
        label_map: 0 = background, i = nucleus i.
        origin: x and y of the first pixel in the image.
        step: how many pixels of the image one of the map is wide.
        min_area_px: smaller nuclei are left out, in pixels of the map.

    Returns:
        `labels`, colours by name, and `elements`, one for the name, whose `contours` are lists of [x, y] in
        pixels of the image, along the edges of pixels, the first point again at the end.

    Example:
        >>> found = annotation_of(np.array([[0, 5], [0, 5]]), origin=(10, 20))
        >>> found["elements"][0]["contours"]
        [[[11, 20], [12, 20], [12, 22], [11, 22], [11, 20]]]
    """
    kept = np.bincount(label_map.ravel(), minlength=1) >= min_area_px
    contours = []
    for number, polygons in label_polygons(label_map):
        if kept[number]:
            outer = max((polygon[0] for polygon in polygons), key=lambda ring: abs(ring_area(ring)))
            ring = outer if step == 1 else outer * step
            contours.append((ring + np.asarray(origin, dtype=ring.dtype)).tolist())
    return {"labels": {NUCLEUS: _COLOUR}, "elements": [{"label": NUCLEUS, "contours": contours}]}
