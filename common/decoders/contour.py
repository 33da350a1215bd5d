"""Maps -> label map by cutting contours out of the foreground: what is left in one piece is a nucleus."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import ndimage

from .clean import clean_labels
from .tensor_components import ComponentsModule
from .threshold import logit_of


class ContourDecoder:
    """Number the connected components of the foreground without its contours, and give the contours back.

    Touching nuclei are parted where the map of contours closes a line between them.

    Args:
        foreground: channel of the foreground's logit.
        contour: channel of the contours' logit; None: nothing is cut.
        threshold: probability from which a pixel is foreground.
        contour_threshold: probability from which a pixel is contour.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: rounds of growth by one pixel: what the contours took, given back.

    Raises:
        ValueError: a threshold is no probability.

    References:
        Chen et al., DCAN: deep contour-aware networks for accurate gland segmentation, CVPR 2016, whose
        fusion of both maps this is.
    """

    CANDIDATES: ClassVar = {
        "threshold": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
        "contour_threshold": (0.3, 0.4, 0.5, 0.6, 0.7),
        "min_area_px": (15, 30, 40, 60, 80),
    }
    """What `scripts.tune` tries for each option."""

    def __init__(
        self,
        *,
        foreground: int = 0,
        contour: int | None = None,
        threshold: float = 0.5,
        contour_threshold: float = 0.5,
        min_area_px: int = 15,
        grow_px: int = 1,
    ) -> None:
        self.threshold, self.contour_threshold = threshold, contour_threshold
        self.foreground, self.logit = foreground, logit_of(threshold)
        self.contour, self.contour_logit = contour, logit_of(contour_threshold)
        self.min_area_px, self.grow_px = min_area_px, grow_px

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        mask = maps[self.foreground] > self.logit
        if self.contour is not None:
            mask &= ~(maps[self.contour] > self.contour_logit)
        return clean_labels(ndimage.label(mask)[0], min_area_px=self.min_area_px, grow_px=self.grow_px)

    def as_module(self) -> ComponentsModule:
        """Return the same decoder as a module of torch operations, for what has to run without this code."""
        return ComponentsModule(
            foreground=self.foreground,
            logit=self.logit,
            contour=-1 if self.contour is None else self.contour,
            contour_logit=self.contour_logit,
            min_area_px=self.min_area_px,
            grow_px=self.grow_px,
        )
