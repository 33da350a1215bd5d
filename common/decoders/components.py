"""Maps -> label map by connected components of the foreground: what papers without an instance decoder do."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .clean import clean_labels
from .threshold import logit_of


class ComponentsDecoder:
    """Number the connected components of the foreground: touching nuclei are parted only by a gap in the map.

    Args:
        foreground: channel of the foreground's logit.
        threshold: probability from which a pixel is foreground.
        min_area_px: smaller components are dropped.
        grow_px: pixels that targets were eroded by, given back at the end.

    Raises:
        ValueError: the threshold is no probability.
    """

    def __init__(
        self, *, foreground: int = 0, threshold: float = 0.5, min_area_px: int = 15, grow_px: int = 1
    ) -> None:
        self.foreground, self.logit = foreground, logit_of(threshold)
        self.min_area_px, self.grow_px = min_area_px, grow_px

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        mask = maps[self.foreground] > self.logit
        return clean_labels(ndimage.label(mask)[0], min_area_px=self.min_area_px, grow_px=self.grow_px)
