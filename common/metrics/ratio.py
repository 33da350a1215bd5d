"""The quotient that obeys our one rule for empty images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jaxtyping import Shaped
from numpy import ndarray

Counts = dict[str, Shaped[ndarray, "..."]]
"""Additive counts of one image: summing them over images gives the counts of the set."""


def ratio(numerator: float | int, denominator: float | int, counts: Mapping[str, Any]) -> float:
    """Divide under the rule: both label maps empty gives NaN, exactly one empty gives 0.

    Args:
        numerator: what was achieved.
        denominator: what could have been achieved.
        counts: the counts of the image or the set; `n_true` and `n_predicted` (numbers of nuclei) decide.

    Returns:
        The quotient; NaN where nothing could be achieved although both label maps hold nuclei (for
        example the boundary of two images that are foreground all over).

    Example:
        >>> ratio(0, 0, {"n_true": 0, "n_predicted": 0}), ratio(0, 0, {"n_true": 3, "n_predicted": 0})
        (nan, 0.0)
    """
    if counts["n_true"] == 0 and counts["n_predicted"] == 0:
        return math.nan
    if counts["n_true"] == 0 or counts["n_predicted"] == 0:
        return 0.0
    return float(numerator) / float(denominator) if denominator else math.nan
