"""Random local contrast: contrast limited adaptive histogram equalisation (CLAHE) of the brightness."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type
from skimage.exposure import equalize_adapthist


def equalise_locally(image: np.ndarray, *, clip_limit: float, kernel_px: int) -> np.ndarray:
    """Equalise the histogram of the brightness around each pixel, by scikit-image's `equalize_adapthist`.

    Brightness, the mean of the channels, keeps its lowest and highest value; all channels of a pixel change
    by as much as it does, so that differences of colours stay.

    Args:
        image: intensities of any range.
        clip_limit: how much contrast may grow, 0 to 1: with 0 the least, with 1 there is no limit.
        kernel_px: side of the area whose histogram counts.

    Shapes:
        image: (c, h, w).
        returns: (c, h, w) float32; an image of one brightness, or with numbers that are not finite, as it is.

    References:
        Pizer et al., Adaptive histogram equalization and its variations, Computer Vision, Graphics, and Image
        Processing, 1987.

    Example:
        >>> ramp = np.linspace(3, 4, 64).reshape(1, 8, 8)
        >>> equal = equalise_locally(ramp, clip_limit=0.02, kernel_px=8)
        >>> float(equal.min()), float(equal.max())
        (3.0, 4.0)
    """
    image = np.asarray(image, np.float32)
    if not image.size:
        return image
    brightness = image.mean(axis=0, dtype=np.float64)
    low, high = float(brightness.min()), float(brightness.max())
    # Below this all that differs is rounding, which would be made contrast.
    if not np.isfinite(high - low) or high - low <= 1e-6 * max(abs(low), abs(high)):
        return image
    kernel = [min(kernel_px, side) for side in brightness.shape]
    equal = equalize_adapthist((brightness - low) / (high - low), kernel, clip_limit)
    changed: np.ndarray = (image + (low + equal * (high - low) - brightness)).astype(np.float32)
    return changed


class RandClahed(RandomizableTransform, MapTransform):
    """Give images more local contrast at random, see `equalise_locally`.

    All images of an item get the same limit; labels are no keys.

    Args:
        keys: images.
        prob: how often.
        clip_limit: range of the limit; drawn for each item.
        kernel_px: see `equalise_locally`: some nuclei wide.
        allow_missing_keys: skip absent keys.

    Shapes:
        image: (c, h, w), becomes float32.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        prob: float = 0.3,
        clip_limit: Sequence[float] = (0.002, 0.01),
        kernel_px: int = 64,
        allow_missing_keys: bool = False,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}: choose a probability from 0 to 1")
        if len(clip_limit) != 2 or not 0 <= clip_limit[0] <= clip_limit[1] <= 1:
            raise ValueError(f"clip_limit is {clip_limit}: give the lowest and the highest, from 0 to 1")
        if kernel_px < 1:
            raise ValueError(f"kernel_px is {kernel_px}: choose a side of 1 pixel or more")
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.clip_limit, self.kernel_px = tuple(clip_limit), int(kernel_px)
        self._limit = 0.0

    def randomize(self, data: Any = None) -> None:
        """Draw whether, and how much."""
        super().randomize(None)
        self._limit = self.R.uniform(*self.clip_limit)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Equalise the images."""
        d = dict(data)
        self.randomize()
        for key in self.key_iterator(d):
            if self._do_transform:
                image = np.asarray(d[key])
                changed = equalise_locally(image, clip_limit=self._limit, kernel_px=self.kernel_px)
                d[key] = convert_to_dst_type(torch.from_numpy(changed), d[key], dtype=torch.float32)[0]
        return d
