"""Shapes, sizes and values of nuclei and pixels: plain functions that several rooms share."""

from .finite_values import finite_values
from .label_polygons import label_polygons, ring_area
from .label_type import label_type
from .largest_pieces import largest_pieces
from .outlines import outlines
from .polygons import ellipse_corners, outline_pixels, outline_runs
from .scale import AUTO_DIAMETER, IGNORE, SEARCH_KEY, ModelScale, model_scale
from .traced_rings import traced_rings
from .typical_diameter import typical_diameter

__all__ = [
    "AUTO_DIAMETER",
    "IGNORE",
    "SEARCH_KEY",
    "ModelScale",
    "ellipse_corners",
    "finite_values",
    "label_polygons",
    "label_type",
    "largest_pieces",
    "model_scale",
    "outline_pixels",
    "outline_runs",
    "outlines",
    "ring_area",
    "traced_rings",
    "typical_diameter",
]
