"""An image of any number of channels and any range -> what a screen can show."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Num, Shaped, UInt8

__all__ = ["display_image", "is_brightfield"]

# Percentiles shown as black and white: a few hot or dead pixels shall not darken the rest.
_DARKEST, _BRIGHTEST = 0.5, 99.8
# Percentiles are taken from about this many pixels: enough for a display, quick on a slide.
_SAMPLE_PX = 200_000


def display_image(image: Shaped[np.ndarray, "c h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Stretch the contrast of an image for looking at it.

    Three bright channels are taken for a stained section and stretched together, which keeps its colours.
    Any other image becomes grey, the mean of its channels, each stretched by itself: on grey, coloured lines
    show.

    Args:
        image: any type and range; numbers that are not finite count as 0, an image of one value is dark grey.

    Shapes:
        image: (C, H, W).
        returns: (H, W, 3), uint8.

    Raises:
        ValueError: if the image is not of shape (C, H, W) with at least one channel.

    Example:
        >>> ramp = np.linspace(100.0, 101.0, 64).reshape(1, 8, 8)
        >>> shown = display_image(ramp)
        >>> int(shown.min()), int(shown.max())
        (0, 255)
    """
    if image.ndim != 3 or image.shape[0] < 1:
        raise ValueError(f"an image is channels x height x width, not {image.shape}: add or choose channels")
    pixels = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if is_brightfield(pixels):
        channels = _stretch(pixels)
    else:
        grey = np.mean([_stretch(one) for one in pixels], axis=0)
        channels = np.stack([grey, grey, grey])
    return np.ascontiguousarray(np.rint(channels * 255).astype(np.uint8).transpose(1, 2, 0))


def is_brightfield(image: Num[np.ndarray, "c h w"] | Bool[np.ndarray, "c h w"]) -> bool:
    """Tell whether an image is a stained section in transmitted light: three channels, mostly bright.

    Args:
        image: any range.

    Shapes:
        image: (C, H, W).
    """
    if len(image) != 3 or image[0].size == 0:
        return False
    sample = _sample(image)
    low, high = float(sample.min()), float(sample.max())
    # Fluorescence is the other way round: most pixels are dark, few are bright.
    return high > low and float(np.median(sample)) > low + 0.5 * (high - low)


def _sample(pixels: np.ndarray) -> np.ndarray:
    step = max(1, int(np.sqrt(pixels.size / _SAMPLE_PX)))
    return pixels[..., ::step, ::step]


def _stretch(pixels: Float[np.ndarray, "*c h w"]) -> Float[np.ndarray, "*c h w"]:
    if pixels.size == 0:
        return pixels
    low, high = np.percentile(_sample(pixels), [_DARKEST, _BRIGHTEST])
    if high <= low:
        # Few pixels differ from the rest (one nucleus in a dark field), or none does.
        low, high = float(pixels.min()), float(pixels.max())
    if high <= low:
        return np.full_like(pixels, 0.2)
    return np.clip((pixels - np.float32(low)) / np.float32(high - low), 0, 1)
