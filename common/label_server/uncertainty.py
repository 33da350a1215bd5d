"""How unsure a network is of an image: which one to correct next."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

__all__ = ["uncertainty"]

# Of an image with next to nothing on it, so that a few doubtful pixels do not count for more than they are.
_LEAST_SHARE = 0.01


def uncertainty(foreground: Float[np.ndarray, "h w"]) -> float:
    """Return the entropy of the foreground's probability, summed over the image, per pixel of nuclei.

    The network doubts the rim of every nucleus; divided by what it takes for nuclei, an image is not unsure
    for being crowded. Where nuclei are blurred, dim or of a kind that was not trained on, the doubt reaches
    inside.

    Args:
        foreground: probability of a nucleus at each pixel.

    Returns:
        Bits a pixel of nuclei, 0 or more.

    References:
        Burr Settles, Active learning literature survey, 2009, section 3.1 (entropy).

    Example:
        >>> sure, unsure = np.zeros((8, 8)), np.zeros((8, 8))
        >>> sure[2:6, 2:6], unsure[2:6, 2:6] = 0.99, 0.6
        >>> uncertainty(sure) < 0.1 < 1 < uncertainty(unsure)
        True
    """
    p = np.clip(foreground.astype(np.float64), 1e-7, 1 - 1e-7)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    # What is surely background is not doubted a millionth each: that would grow with the empty area.
    entropy[foreground < 1e-3] = 0
    return float(entropy.sum() / max(float(foreground.sum()), _LEAST_SHARE * foreground.size))
