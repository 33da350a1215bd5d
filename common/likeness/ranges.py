"""The ranges that the numbers of a training's images lie in, and how far beyond them others may lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

__all__ = ["COUNT", "Kind", "Ranges", "allowed_range", "kind_of", "on_even_scale", "training_ranges"]

Ranges = dict[str, list[float]]
"""Lowest and highest of each number of `describe_image`; under "images" twice how many images there were."""

COUNT = "images"
# A range may be longer by this share of its length at either end. Of few images the next one is more likely
# outside: of n of a kind, one is beyond the lowest and the highest with a probability of 2 / (n + 1).
_BEYOND, _BEYOND_OF_FEW = 0.1, 4.0
_LEAST = 1e-4  # what has no logarithm counts as this


class Kind(NamedTuple):
    """What a number tells of an image.

    Attributes:
        about: "foreground", "nucleus size", "intensity", "texture" or "stain".
        even: the number on a scale where equal steps mean about the same.
        least_beyond: how far a number may lie beyond its range at least, on that scale.
    """

    about: str
    even: Callable[[float], float]
    least_beyond: float


def _log(value: float) -> float:
    return math.log(max(value, _LEAST))


def _log_noise(value: float) -> float:
    return math.log(max(1 - value, _LEAST))


def _fisher(value: float) -> float:
    return math.atanh(min(max(value, -0.999), 0.999))


def _same(value: float) -> float:
    return value


_KINDS = {
    "foreground_share": Kind("foreground", _log, 0.4),
    "nuclei_per_megapixel": Kind("foreground", _log, 0.5),
    "nucleus_diameter_px": Kind("nucleus size", _log, 0.2),
    "contrast": Kind("intensity", _same, 0.1),
    "brightness": Kind("intensity", _same, 0.06),
    "spread": Kind("intensity", _same, 0.04),
    "smoothness": Kind("texture", _log_noise, 0.4),
    "coarseness": Kind("texture", _fisher, 0.25),
    "colour": Kind("stain", _fisher, 0.5),
}


def kind_of(name: str) -> Kind:
    """Return what a number of `describe_image` tells.

    Args:
        name: its name, with or without the channels.

    Example:
        >>> kind_of("brightness_2").about, kind_of("foreground_share").about
        ('intensity', 'foreground')
    """
    return _KINDS.get(name) or _KINDS[name.split("_")[0]]


def on_even_scale(name: str, value: float) -> float:
    """Return a number on a scale where equal steps mean about the same: sizes by their ratio."""
    return kind_of(name).even(value)


def training_ranges(descriptions: Sequence[Mapping[str, float]]) -> Ranges:
    """Return the lowest and the highest of every number, to be saved beside the weights.

    Args:
        descriptions: `describe_image` of images with their label maps.

    Example:
        >>> training_ranges([{"foreground_share": 0.1}, {"foreground_share": 0.3}])
        {'images': [2, 2], 'foreground_share': [0.1, 0.3]}
    """
    names = dict.fromkeys(name for each in descriptions for name in each)
    found: Ranges = {COUNT: [len(descriptions)] * 2} if descriptions else {}
    for name in names:
        values = [each[name] for each in descriptions if name in each]
        found[name] = [_rounded(min(values)), _rounded(max(values))]
    return found


def allowed_range(name: str, ranges: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Return between which values, on the even scale, an image counts as like the training's.

    Args:
        name: one of the ranges' names.
        ranges: as `training_ranges` returns them.
    """
    low, high = sorted(on_even_scale(name, value) for value in ranges[name])
    share = _BEYOND + _BEYOND_OF_FEW / ranges[COUNT][0]
    beyond = max(share * (high - low), kind_of(name).least_beyond)
    return low - beyond, high + beyond


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
