"""Maps -> label map by a watershed on the distance map: every high enough peak of it is a nucleus."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from .clean import clean_labels
from .threshold import logit_of


class WatershedDecoder:
    """Flood the foreground from the peaks of a distance map that is 1 at the innermost pixel of each nucleus.

    Args:
        foreground: channel of the foreground's logit.
        distance: channel of the distance map.
        threshold: probability from which a pixel is foreground.
        height: how far a peak must rise above the saddle to the next one, in units of the distance map: lower
            splits more.
        smoothing_px: standard deviation of the smoothing of the distance map before peaks are looked for.
        min_area_px: nuclei with fewer pixels in the result are dropped.
        grow_px: pixels that targets were eroded by, given back at the end.

    Raises:
        ValueError: the threshold is no probability, or the height is not positive.
    """

    CANDIDATES: ClassVar = {
        "threshold": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
        "height": (0.03, 0.05, 0.1, 0.15, 0.2, 0.3),
        "smoothing_px": (0.5, 1.0, 1.5, 2.0, 3.0),
        "min_area_px": (15, 30, 40, 60, 80),
    }
    """What `scripts.tune` tries for each option."""

    def __init__(
        self,
        *,
        foreground: int = 0,
        distance: int = 1,
        threshold: float = 0.5,
        height: float = 0.1,
        smoothing_px: float = 1.0,
        min_area_px: int = 15,
        grow_px: int = 1,
    ) -> None:
        if height <= 0:
            raise ValueError(f"height {height} of the peaks must be above 0: try 0.1")
        self.threshold = threshold
        self.foreground, self.distance, self.logit = foreground, distance, logit_of(threshold)
        self.height, self.smoothing_px = height, smoothing_px
        self.min_area_px, self.grow_px = min_area_px, grow_px

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return the label map.

        Shapes:
            maps: (k, h, w) float.
            returns: (h, w) int32, 0 = background, 1..N.
        """
        mask = maps[self.foreground] > self.logit
        distance = ndimage.gaussian_filter(maps[self.distance].astype(np.float32), self.smoothing_px)
        distance = np.where(mask, np.clip(distance, 0, None), 0)
        markers = ndimage.label(h_maxima(distance, self.height), structure=np.ones((3, 3)))[0]
        labels = watershed(-distance, markers, mask=mask)
        return clean_labels(labels, min_area_px=self.min_area_px, grow_px=self.grow_px)
