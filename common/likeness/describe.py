"""An image, and what was found in it, in a few numbers that do not depend on the intensities' scale."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

__all__ = ["describe_image"]

_LOWER, _UPPER = 0.5, 99.8  # percentiles that count as the darkest and the brightest
# How far apart pixels are compared, in the network's pixels: noise is smaller than the first, and most nuclei
# are smaller than the second, but not the shades of empty glass.
_LAGS_PX = {"smoothness": 2.0, "coarseness": 16.0}
_STRIP = 10_000_000  # pixels
_ENOUGH = 100_000  # pixels of a channel; more change the numbers in the third digit


def describe_image(
    image: np.ndarray, label_map: np.ndarray | None = None, *, scale: float = 1.0
) -> dict[str, float]:
    """Describe an image, whatever the unit and the offset of its intensities, and the nuclei in it.

    | name | meaning |
    |---|---|
    | `brightness_c` | mean intensity of channel c, 0 = its darkest, 1 = its brightest pixels |
    | `spread_c` | standard deviation of the same; 0 where all pixels are equal |
    | `smoothness_c` | correlation of pixels two of the network's pixels apart: of noise 0 |
    | `coarseness_c` | correlation of pixels sixteen of the network's pixels apart: of mere shades 1 |
    | `colour_c_d` | correlation of channels c and d: what a stain colours together |
    | `foreground_share` | share of the pixels that belong to nuclei |
    | `nuclei_per_megapixel` | nuclei in a million of the network's pixels |
    | `nucleus_diameter_px` | median diameter, that of the circle of equal area, in the network's pixels |
    | `contrast_c` | mean of channel c in nuclei minus that outside, in units of `brightness_c` |

    Args:
        image: intensities on any grid; not finite ones count as 0.
        label_map: on the image's grid, 0 = background; None describes the image alone.
        scale: pixels of the network's grid in one of the image, as a factor for its height and width.

    Returns:
        The numbers by name. Left out are the last two where there is no nucleus, and correlations of pixels
        farther apart than the image is wide.

    Shapes:
        image: (c, h, w), any numeric type.
        label_map: (h, w), integers.

    Example:
        >>> image = np.random.default_rng(0).normal(size=(1, 64, 64))
        >>> one, other = describe_image(image), describe_image(7 * image + 300)
        >>> all(abs(one[name] - other[name]) < 1e-5 for name in one)
        True
        >>> abs(one["smoothness_0"]) < 0.1
        True
    """
    pixels = np.asarray(image)
    step = max(1, math.isqrt(pixels[0].size // _ENOUGH))
    grey = _from_dark_to_bright(pixels[:, ::step, ::step])
    numbers: dict[str, float] = {}
    for channel, plane in enumerate(grey):
        numbers[f"brightness_{channel}"] = float(plane.mean())
        numbers[f"spread_{channel}"] = float(plane.std())
        for name, distance in _LAGS_PX.items():
            lag = max(1, round(distance / scale))
            if lag < pixels.shape[2]:
                numbers[f"{name}_{channel}"] = _correlation_at(pixels[channel], lag)
    for one, other in combinations(range(len(grey)), 2):
        numbers[f"colour_{one}_{other}"] = _correlation(grey[one], grey[other])
    if label_map is not None:
        numbers |= _describe_nuclei(np.asarray(label_map), scale)
        inside = np.asarray(label_map)[::step, ::step] > 0
        if inside.any() and not inside.all():
            for channel, plane in enumerate(grey):
                numbers[f"contrast_{channel}"] = float(plane[inside].mean() - plane[~inside].mean())
    return numbers


def _finite(pixels: np.ndarray) -> np.ndarray:
    # Not float32: a dim channel on a large offset would lose its steps.
    return np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _from_dark_to_bright(pixels: np.ndarray) -> np.ndarray:
    """Return each channel from 0, its darkest pixels, to 1, its brightest."""
    pixels = _finite(pixels)
    low, high = np.percentile(pixels, (_LOWER, _UPPER), axis=(1, 2), keepdims=True)
    width = np.where(high > low, high - low, np.inf)
    return np.asarray(np.clip((pixels - low) / width, 0.0, 1.0))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = math.sqrt(float((one * one).mean()) * float((other * other).mean()))
    return float((one * other).mean()) / norm if norm > 0 else 0.0


def _correlation_at(plane: np.ndarray, lag: int) -> float:
    rows = _finite(plane[:: max(1, plane.size // _ENOUGH)])
    return _correlation(rows[:, :-lag], rows[:, lag:])


def _describe_nuclei(label_map: np.ndarray, scale: float) -> dict[str, float]:
    counts = np.zeros(int(label_map.max(initial=0)) + 1, np.int64)
    # In strips: counting takes eight bytes a pixel of what it counts.
    for strip in np.array_split(label_map, max(1, label_map.size // _STRIP)):
        counts += np.bincount(strip.ravel().astype(np.int64), minlength=len(counts))
    areas = counts[1:][counts[1:] > 0]
    megapixels = label_map.size * scale**2 / 1e6
    numbers = {
        "foreground_share": float(areas.sum() / label_map.size),
        "nuclei_per_megapixel": len(areas) / megapixels,
    }
    if len(areas):
        numbers["nucleus_diameter_px"] = scale * 2 * math.sqrt(float(np.median(areas)) / math.pi)
    return numbers
