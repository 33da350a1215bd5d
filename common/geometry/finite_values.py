"""Values that are not finite -> the lowest that is: the one rule of readers and transforms."""

from __future__ import annotations

import numpy as np


def finite_values(image: np.ndarray) -> np.ndarray:
    """Set every value that is not finite to the lowest finite one of its channel; 0 where there is none.

    In real files NaN stands where nothing was measured: beyond the edge of a registered or stitched image.
    Zero would be mid-grey there in an image whose background is negative, and nuclei would be found in it.

    Args:
        image: intensities.

    Shapes:
        image: (c, h, w), any numeric type.
        returns: (c, h, w), the same type; the image itself where all is finite.

    Example:
        >>> image = np.array([[[np.nan, -1.0, 2.0]], [[np.inf, 5.0, -np.inf]], [[np.nan] * 3]])
        >>> finite_values(image).tolist()
        [[[-1.0, -1.0, 2.0]], [[5.0, 5.0, 5.0]], [[0.0, 0.0, 0.0]]]
    """
    if image.dtype.kind not in "fc" or np.isfinite(image).all():
        return image
    finite = np.isfinite(image)
    axes = tuple(range(1, image.ndim))
    lowest = np.where(finite, image, np.inf).min(axis=axes, keepdims=True)
    return np.where(finite, image, np.where(np.isfinite(lowest), lowest, 0)).astype(image.dtype)
