"""The probability from which a pixel is foreground, as the logit that networks put out."""

from __future__ import annotations

import math


def logit_of(threshold: float) -> float:
    """Return the logit of a probability, so that maps need no sigmoid before they are compared.

    Args:
        threshold: probability between 0 and 1, both excluded.

    Raises:
        ValueError: the threshold is no such probability.

    Example:
        >>> logit_of(0.5)
        0.0
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold {threshold} is not a probability between 0 and 1")
    return math.log(threshold / (1 - threshold))
