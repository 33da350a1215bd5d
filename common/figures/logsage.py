"""Figures of the LoGSAGE paper: LoG maps at its scales, and the curvature of contours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..geometry import outlines
from ..losses import CurvatureAlignmentLoss, contour_curvature, curvature_pdf, trace_contours
from ..networks import LoGFilter
from ..transforms import scale_percentiles
from .curvature_picture import CurvedLines, write_curvature_picture
from .map_picture import write_map_picture
from .subject import Subject, middle

__all__ = ["logsage_figures"]

SIGMAS = (4, 5, 6, 7, 8, 9, 10)
LOG_CROP_PX = 512  # of larger images the middle is shown
BINS, MAX_CURVATURE = 33, 0.7  # the curvature loss's own


def logsage_figures(subject: Subject) -> list[Path]:
    """Draw LoG maps at the paper's scales (its Fig. 1) and curvature along contours (its Fig. 3)."""
    return [_log_maps(subject), _curvature(subject)]


def _log_maps(subject: Subject) -> Path:
    part = subject.image[(slice(1), *middle(subject.labels.shape, LOG_CROP_PX))]
    scaled = np.clip(scale_percentiles(part, lower=0.1, upper=99.9), 0, 1)
    responses = LoGFilter(SIGMAS)(torch.from_numpy(scaled)[None])[0].numpy()
    maps = {f"σ = {s} px (radius {s * 2**0.5:.1f} px)": m for s, m in zip(SIGMAS, responses, strict=True)}
    return write_map_picture(
        subject.folder / "log_maps.png",
        part,
        maps,
        title=f"Laplacian of Gaussian of {subject.name}. "
        "Red: brighter than around, most for discs of that radius",
        value_name="-σ² LoG (intensities 0 to 1)",
    )


def _curvature(subject: Subject) -> Path:
    labels = subject.labels
    window = middle(labels.shape, subject.crop_px)
    predicted = subject.prediction()
    field = predicted.found.foreground[window].copy()
    # As in training: eroded by a pixel, so that touching nuclei have contours of their own.
    true = ((labels > 0) & ~outlines(labels, closed=True))[window].astype(np.float32)
    fields = [torch.from_numpy(each)[None, None] for each in (field, true)]
    cal = {mode: float(CurvatureAlignmentLoss(mode)(*fields)) for mode in ("contour", "level_set")}
    return write_curvature_picture(
        subject.folder / "curvature.png",
        subject.image[(slice(None), *window)],
        _lines("truth", true),
        _lines(predicted.words, field),
        np.linspace(-MAX_CURVATURE, MAX_CURVATURE, BINS),
        title=f"Curvature along contours of {subject.name}; curvature alignment loss {cal['contour']:.3f} "
        f"(contour), {cal['level_set']:.3f} (level_set)",
    )


def _lines(title: str, field: np.ndarray) -> CurvedLines:
    """Return the contours of a field with their curvature; parts beside the image's end are left out."""
    tensor = torch.from_numpy(field.copy())[None, None]
    contours = trace_contours(tensor)
    curvature, weight, image = contour_curvature(tensor)
    ends = contours.points[contours.following]
    seen = weight > 0
    pdf = curvature_pdf(curvature, weight, image=image, images=1, bins=BINS, max_curvature=MAX_CURVATURE)
    parts = (contours.points[seen], ends[seen], curvature[seen], pdf[0])
    return CurvedLines(title, *(part.numpy() for part in parts))
