"""Pictures of which only some of red, green and blue are asked for: coloured, or grey stored as RGB?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .channels import ChannelChoice, chosen_by_name
from .image_record import RGB_NAMES, BadFileError

# In 541 grey images, as JPEG of any quality or with the noise of a camera, under 1 % of what stands out from
# the background is tinted, 15 % with a red scale bar in a nearly empty field; in 131 of H&E and in grey ones
# painted in one colour it is 65 % at least.
_COLOURED_SHARE = 0.4
_SAMPLE = 2**16  # pixels: a few milliseconds whatever the image's size


def refuse_part_of_colours(
    pixels: np.ndarray, chosen: tuple[int, ...], channels: ChannelChoice, *, path: str | Path
) -> None:
    """Refuse a choice by number of some of the channels of a colour picture: they are red, green, blue.

    A network for one channel of fluorescence otherwise gets the red of an H&E section, and finds nuclei in
    glass. A choice by name ("B") is meant; so is any channel of a picture that is grey, though stored as RGB.

    Args:
        pixels: red, green and blue.
        chosen: numbers of the chosen channels.
        channels: the choice as it was made.
        path: the file, for the error.

    Shapes:
        pixels: (3, H, W).

    Raises:
        BadFileError: naming the picture, and what can be chosen.
    """
    if set(chosen) >= {0, 1, 2} or chosen_by_name(channels, RGB_NAMES):
        return
    sample, threshold = _sample_of(pixels)
    if not _is_coloured(sample, threshold):
        return
    filled = [name for name, plane in zip(RGB_NAMES, sample, strict=True) if np.ptp(plane) > threshold]
    colours = " and ".join(("red", "green", "blue")[number] for number in sorted(set(chosen)))
    numbers = " and ".join(map(str, sorted(set(chosen))))
    one = f"--channels {filled[0]}, the only one that holds anything" if len(filled) == 1 else ""
    raise BadFileError(
        f"{path} is a colour picture, of which channel {numbers} is the {colours}: choose "
        f"{one or '--channels R, G or B'}; for H&E sections take a bundle for colour (network of 3 channels)"
    )


def is_coloured(pixels: np.ndarray) -> bool:
    """Tell whether a picture of red, green and blue has colours, more than noise and a scale bar.

    What stands out from the background is looked at, so that a few blue nuclei in black count, and a coloured
    scale bar beside many grey ones does not.

    Args:
        pixels: red, green and blue, of any numeric type and range.

    Shapes:
        pixels: (3, H, W).

    Example:
        >>> grey = np.arange(400, dtype=np.uint8).reshape(1, 20, 20).repeat(3, axis=0)
        >>> is_coloured(grey), is_coloured(grey * np.array([0, 0, 1], np.uint8)[:, None, None])
        (False, True)
    """
    return _is_coloured(*_sample_of(pixels))


def _sample_of(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Return some of the pixels as real numbers, and the least difference that is more than noise."""
    step = max(1, int((pixels[0].size / _SAMPLE) ** 0.5))
    sample = pixels[:, ::step, ::step].astype(np.float32)
    tenth = 0.1 * float(np.percentile(sample.max(axis=0), 99.5))  # not the maximum: a scale bar is brightest
    return sample, max(tenth, 8.0) if pixels.dtype == np.uint8 else tenth


def _is_coloured(sample: np.ndarray, threshold: float) -> bool:
    background = np.median(sample.reshape(3, -1), axis=1)[:, None, None]
    stands_out = np.abs(sample - background).max(axis=0) > threshold
    tinted = np.ptp(sample, axis=0) > threshold
    share = tinted.sum() / max(1, stands_out.sum())
    return bool(share > _COLOURED_SHARE and tinted.mean() > 1e-4)
