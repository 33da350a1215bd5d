"""Maps -> label map by connected components of the foreground: what papers without an instance decoder do."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import ndimage

from .clean import clean_labels
from .tensor_components import ComponentsModule
from .threshold import logit_of


class ComponentsDecoder:
    """Number the connected components of the foreground: touching nuclei are parted only by a gap in the map.

    Args:
        foreground: channel of the foreground's logit.
        threshold: probability from which a pixel is foreground.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: pixels that targets were eroded by, given back at the end.
        opening_px: side of a square by which the foreground is opened first; 0 or 1: not at all. It takes
            away noise, and thin nuclei as well; `min_area_px` takes noise alone.

    Raises:
        ValueError: the threshold is no probability, or the square has no such side.
    """

    CANDIDATES: ClassVar = {
        "threshold": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
        "min_area_px": (1, 15, 30, 40, 60, 80),
        "opening_px": (0, 3, 5),
    }
    """What `scripts.tune` tries for each option."""

    def __init__(
        self,
        *,
        foreground: int = 0,
        threshold: float = 0.5,
        min_area_px: int = 15,
        grow_px: int = 1,
        opening_px: int = 0,
    ) -> None:
        if opening_px < 0:
            raise ValueError(f"opening_px is {opening_px}: choose 0 or more (pixels)")
        self.threshold = threshold
        self.foreground, self.logit = foreground, logit_of(threshold)
        self.min_area_px, self.grow_px, self.opening_px = min_area_px, grow_px, opening_px

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        mask = maps[self.foreground] > self.logit
        if self.opening_px > 1:
            square = np.ones((self.opening_px, self.opening_px), bool)
            # What a nucleus would be beyond the image's edge is not known: as if it went on there.
            eroded = ndimage.binary_erosion(mask, square, border_value=1)
            mask = ndimage.binary_dilation(eroded, square)
        return clean_labels(ndimage.label(mask)[0], min_area_px=self.min_area_px, grow_px=self.grow_px)

    def as_module(self) -> ComponentsModule:
        """Return the same decoder as a module of torch operations, for what has to run without this code."""
        return ComponentsModule(
            foreground=self.foreground,
            logit=self.logit,
            opening_px=self.opening_px,
            min_area_px=self.min_area_px,
            grow_px=self.grow_px,
        )
