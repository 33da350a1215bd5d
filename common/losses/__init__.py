"""Losses that MONAI lacks: maps x targets -> scalar."""

from .contour_curvature import contour_curvature, curvature_at
from .contours import Contours, trace_contours
from .curvature import CurvatureAlignmentLoss
from .hard_examples import HardExamplesLoss, hard_example_bce
from .hover import HoVerMapsLoss
from .instance_maps import InstanceMapsLoss
from .level_set_curvature import level_set_curvature
from .lovasz import LovaszCrossEntropyLoss, lovasz_hinge
from .nuclei_and_cells import NucleiAndCellsLoss
from .side_maps import SideMapsLoss
from .smooth_truncated import SmoothTruncatedLoss, smooth_truncated_bce
from .soft_histogram import curvature_pdf
from .unknown import KnownPixelsLoss, known_pixels_loss, without_unknown

__all__ = [
    "Contours",
    "CurvatureAlignmentLoss",
    "HardExamplesLoss",
    "HoVerMapsLoss",
    "InstanceMapsLoss",
    "KnownPixelsLoss",
    "NucleiAndCellsLoss",
    "SideMapsLoss",
    "LovaszCrossEntropyLoss",
    "SmoothTruncatedLoss",
    "contour_curvature",
    "curvature_at",
    "curvature_pdf",
    "hard_example_bce",
    "known_pixels_loss",
    "level_set_curvature",
    "lovasz_hinge",
    "smooth_truncated_bce",
    "trace_contours",
    "without_unknown",
]
