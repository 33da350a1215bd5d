"""Intensities of any range -> about 0..1, by percentiles of each channel."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from ..geometry import finite_values


def scale_percentiles(image: np.ndarray, *, lower: float = 0.5, upper: float = 99.8) -> np.ndarray:
    """Map the lower percentile of each channel to 0 and the upper one to 1; what lies beyond is not clipped.

    MONAI's ScaleIntensityRangePercentiles gives NaN for an image with one NaN pixel, and warns on constant
    ones.

    Args:
        image: intensities; not finite ones count as the lowest finite one of their channel.
        lower: percentile that becomes 0.
        upper: percentile that becomes 1.

    Shapes:
        image: (c, h, w), any numeric type.
        returns: (c, h, w) float32, about 0..1; a constant channel becomes 0.

    Example:
        >>> scaled = scale_percentiles(np.arange(1001).reshape(1, 7, 143), lower=0, upper=100)
        >>> float(scaled.min()), float(scaled.max()), float(scale_percentiles(np.full((1, 2, 2), 9)).max())
        (0.0, 1.0, 0.0)
    """
    image = finite_values(np.asarray(image, np.float32))
    low, high = np.percentile(image.reshape(len(image), -1), (lower, upper), axis=1).astype(np.float32)
    width = high - low
    # Sparse images have fewer nuclei pixels than the upper percentile leaves out: the two would be equal.
    top = image.reshape(len(image), -1).max(axis=1)
    width = np.where(width > 0, width, np.where(top > low, top - low, 1.0))
    return ((image - low[:, None, None]) / width[:, None, None]).astype(np.float32)


class ScalePercentilesd(MapTransform):
    """Dictionary form of `scale_percentiles`.

    Args:
        keys: images.
        lower: see `scale_percentiles`.
        upper: see `scale_percentiles`.
        refuse_empty: refuse an image whose channels are all constant, for networks that leave such ones out.
        allow_missing_keys: skip absent keys.

    Raises:
        ValueError: the percentiles are not in order, or an image is empty and that is refused.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        lower: float = 0.5,
        upper: float = 99.8,
        refuse_empty: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not 0 <= lower < upper <= 100:
            raise ValueError(f"percentiles {lower} and {upper} are not in order between 0 and 100")
        self.lower, self.upper, self.refuse_empty = lower, upper, refuse_empty

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale the images, keeping what is known of them."""
        d = dict(data)
        for key in self.key_iterator(d):
            scaled = scale_percentiles(np.asarray(d[key]), lower=self.lower, upper=self.upper)
            if self.refuse_empty and not scaled.any():
                meta = getattr(d[key], "meta", {})
                raise ValueError(
                    f"{meta.get('filename_or_obj', 'the image')} has no channel left: each of its "
                    f"{len(scaled)} is constant: leave the image out, or choose others with --channels"
                )
            d[key] = convert_to_dst_type(torch.from_numpy(scaled), d[key], dtype=torch.float32)[0]
        return d
