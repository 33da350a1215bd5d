"""Shapes and sizes of nuclei and pixels: plain functions that several rooms share."""

from .model_scale import IGNORE, ModelScale, model_scale
from .polygons import ellipse_corners, outline_pixels

__all__ = ["IGNORE", "ModelScale", "ellipse_corners", "model_scale", "outline_pixels"]
