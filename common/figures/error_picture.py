"""Predicted mask against the true one: a colour for each way in which a pixel can be right or wrong."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

__all__ = ["ERROR_COLOURS", "error_picture"]

ERROR_COLOURS = {
    "true positive": (0, 160, 0),
    "true negative": (0, 0, 0),
    "false positive": (255, 225, 0),
    "false negative": (225, 0, 0),
}
"""What a pixel is -> its colour."""


def error_picture(
    truth: Bool[np.ndarray, "h w"], prediction: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour each pixel by what the prediction is there: true or false, positive or negative.

    Args:
        truth: where the nuclei are.
        prediction: where they were found.

    Shapes:
        truth, prediction: (H, W), bool; of a label map: `label_map > 0`.
        returns: (H, W, 3), uint8.

    Raises:
        ValueError: if the sizes differ.

    References:
        The colours are those of Fig. 2 of the cascaded U-Net paper, darkened or lightened so that green, red
        and yellow differ in lightness too.

    Example:
        >>> truth = np.array([[True, True, False]])
        >>> picture = error_picture(truth, truth[:, ::-1])
        >>> [name for pixel in picture[0] for name, rgb in ERROR_COLOURS.items() if tuple(pixel) == rgb]
        ['false negative', 'true positive', 'false positive']
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"the truth is {truth.shape} but the prediction {prediction.shape} (height, width)")
    names = (("true negative", "false positive"), ("false negative", "true positive"))
    table = np.array([[ERROR_COLOURS[name] for name in row] for row in names], dtype=np.uint8)
    return table[truth.astype(int), prediction.astype(int)]
