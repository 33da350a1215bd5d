"""Losses that MONAI lacks: maps x targets -> scalar."""

from .curvature import CurvatureAlignmentLoss, curvature_pdf, level_set_curvature
from .instance_maps import InstanceMapsLoss

__all__ = ["CurvatureAlignmentLoss", "InstanceMapsLoss", "curvature_pdf", "level_set_curvature"]
