"""Shapes, sizes and values of nuclei and pixels: plain functions that several rooms share."""

from .finite_values import finite_values
from .largest_pieces import largest_pieces
from .model_scale import AUTO_DIAMETER, IGNORE, SEARCH_KEY, ModelScale, model_scale
from .outlines import outlines
from .polygons import ellipse_corners, outline_pixels
from .typical_diameter import typical_diameter

__all__ = [
    "AUTO_DIAMETER",
    "IGNORE",
    "SEARCH_KEY",
    "ModelScale",
    "ellipse_corners",
    "finite_values",
    "largest_pieces",
    "model_scale",
    "outline_pixels",
    "outlines",
    "typical_diameter",
]
