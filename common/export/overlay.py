"""An image with the outlines of its nuclei: what was predicted, what is true, and where both agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, Shaped, UInt8
from scipy import ndimage

from ..geometry import outlines
from .display import display_image, is_brightfield

__all__ = ["AGREED_ON_BRIGHT", "AGREED_ON_DARK", "PREDICTED", "TRUTH", "overlay"]

# Orange against blue is what every common colour blindness keeps apart; agreement differs in lightness too.
PREDICTED = (255, 140, 0)
TRUTH = (30, 144, 255)
AGREED_ON_DARK = (255, 255, 255)
AGREED_ON_BRIGHT = (0, 0, 0)


def overlay(
    image: Shaped[np.ndarray, "c h w"],
    label_map: Integer[np.ndarray, "h w"],
    truth: Integer[np.ndarray, "h w"] | None = None,
    *,
    zoom: int = 1,
) -> UInt8[np.ndarray, "zh zw 3"]:
    """Draw the outlines of nuclei on a contrast-stretched image.

    An outline is the nucleus's own outermost pixels, so touching nuclei show two lines side by side. With the
    truth given, lines of prediction and truth within a pixel of each other have the colour of agreement.

    Args:
        image: any number of channels and any range.
        label_map: the prediction, drawn orange; 0 = background.
        truth: the true label map, drawn blue; agreement is white, or black on a stained section.
        zoom: edge, in pixels of the picture, of one pixel of the image; lines stay one pixel thin, so 2 or 3
            shows small nuclei better.

    Shapes:
        image: (C, H, W).
        label_map, truth: (H, W), integers.
        returns: (zoom * H, zoom * W, 3), uint8.

    Raises:
        ValueError: if the sizes of image, label map and truth differ, or zoom is below 1.

    Example:
        >>> label_map = np.zeros((8, 8), dtype=int)
        >>> label_map[2:6, 2:6] = 1
        >>> picture = overlay(np.zeros((1, 8, 8)), label_map)
        >>> int((picture == PREDICTED).all(-1).sum())  # the rim of a 4 x 4 square
        12
    """
    if zoom < 1:
        raise ValueError(f"zoom is {zoom}: use a whole number from 1")
    for name, labels in (("label map", label_map), ("truth", truth)):
        if labels is not None and labels.shape != image.shape[1:]:
            raise ValueError(f"the {name} is {labels.shape} but the image {image.shape[1:]} (height, width)")
    picture = _enlarged(display_image(image), zoom)
    predicted = outlines(_enlarged(label_map, zoom), closed=True)
    if truth is None:
        picture[predicted] = PREDICTED
        return picture
    true = outlines(_enlarged(truth, zoom), closed=True)
    near = np.ones((2 * zoom + 1, 2 * zoom + 1), dtype=bool)
    agreed = predicted & ndimage.binary_dilation(true, near)
    missed = true & ~ndimage.binary_dilation(predicted, near)
    picture[predicted] = PREDICTED
    picture[missed] = TRUTH
    picture[agreed] = AGREED_ON_BRIGHT if is_brightfield(image) else AGREED_ON_DARK
    return picture


def _enlarged(array: np.ndarray, zoom: int) -> np.ndarray:
    return array if zoom == 1 else array.repeat(zoom, axis=0).repeat(zoom, axis=1)
