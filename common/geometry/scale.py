"""How much an image is resized before the network, so that nuclei have the size that it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["AUTO_DIAMETER", "IGNORE", "SEARCH_KEY", "ModelScale", "model_scale"]

IGNORE = "ignore"  # the word that switches pixel sizes off where the trained model has one
AUTO_DIAMETER = "auto"  # the word for a diameter that is measured in what is found
SEARCH_KEY = "search_scale"  # in an image's meta: its factor is still to be found
_LARGEST = 8.0
# One pixel in a hundred: nuclei differ far more among themselves, and resampling would only blur.
_SAME = 0.01


@dataclass(frozen=True)
class ModelScale:
    """The pixel size that a model works at, and what is done with images that do not tell theirs.

    Attributes:
        pixel_size_um: edge of the model's pixel in micrometres; None takes no notice of pixel sizes.
        scale: factor for the height and width of images without a known pixel size.
        searched_diameter_px: instead of it, the typical diameter in pixels that their nuclei shall have, once
            it has been seen how large they are; None where nothing is searched.
    """

    pixel_size_um: float | None = None
    scale: float = 1.0
    searched_diameter_px: float | None = None

    def searches(self, pixel_size_um: float | None = None) -> bool:
        """Tell whether an image's factor is found by what a first segmentation finds in it.

        Args:
            pixel_size_um: edge of the image's pixel in micrometres; None or NaN where it is not known.

        Example:
            >>> at_half = ModelScale(pixel_size_um=0.5, searched_diameter_px=20)
            >>> at_half.searches(None), at_half.searches(0.25), at_half.factor(None)
            (True, False, 1.0)
        """
        told = self.pixel_size_um is not None and _known(pixel_size_um)
        return self.searched_diameter_px is not None and not told

    def factor(self, pixel_size_um: float | None = None, *, name: str = "an image") -> float:
        """Return by what the height and width of an image are multiplied before the network.

        Args:
            pixel_size_um: edge of the image's pixel in micrometres; None or NaN where it is not known.
            name: the image, for the message.

        Raises:
            ValueError: if the image would become more than 8 times larger or smaller.

        Example:
            >>> at_half = ModelScale(pixel_size_um=0.5, scale=3.0)
            >>> at_half.factor(0.25), at_half.factor(0.5), at_half.factor(None)
            (0.5, 1.0, 3.0)
        """
        if self.pixel_size_um is not None and _known(pixel_size_um):
            factor = float(pixel_size_um) / self.pixel_size_um  # type: ignore[arg-type]
            said = f"its pixels are {pixel_size_um:g} µm wide and the model's {self.pixel_size_um:g} µm"
            mend = f'correct "pixel_size_um" in dataset.json, or give --pixel_size_um {IGNORE}'
        else:
            factor, said, mend = self.scale, f"the scale is {self.scale:g}", "check --scale or --diameter_px"
        if not 1 / _LARGEST <= factor <= _LARGEST:
            raise ValueError(f"{name} would be resized by {factor:.3g}, because {said}: {mend}")
        return 1.0 if abs(factor - 1) < _SAME else factor


def model_scale(
    pixel_size_um: float | str | None = None,
    *,
    scale: float = 1.0,
    diameter_px: float | str | None = None,
    model_diameter_px: float | None = None,
) -> ModelScale:
    """Return the scale of a model as the options of a bundle give it.

    Args:
        pixel_size_um: edge of the model's pixel in micrometres; None or "ignore" takes no notice of pixel
            sizes.
        scale: factor for images without a known pixel size.
        diameter_px: instead of `scale`, the typical diameter of their nuclei in pixels; or "auto": it is
            measured in what a first segmentation finds.
        model_diameter_px: the typical diameter, in pixels, of nuclei as the network sees them.

    Raises:
        ValueError: if both scale and diameter are given, the diameter is another word, or the model's own
            diameter is not known.

    Example:
        >>> model_scale(diameter_px=40, model_diameter_px=20).factor()
        0.5
    """
    own = None if pixel_size_um in (None, IGNORE) else float(pixel_size_um)
    if diameter_px is not None:
        if isinstance(diameter_px, str) and diameter_px != AUTO_DIAMETER:
            raise ValueError(f"--diameter_px is {diameter_px!r}: give a number of pixels, or {AUTO_DIAMETER}")
        told = f"--diameter_px {diameter_px if isinstance(diameter_px, str) else f'{diameter_px:g}'}"
        if scale != 1:
            raise ValueError(f"--scale {scale:g} and {told} both resize the images: give one")
        if model_diameter_px is None:
            raise ValueError(
                f"{told} cannot be used, because no train.json beside the weights"
                f" tells how large nuclei were in training: give --model_diameter_px too, or --scale"
            )
        if isinstance(diameter_px, str):
            return ModelScale(own, searched_diameter_px=float(model_diameter_px))
        scale = model_diameter_px / diameter_px
    return ModelScale(own, float(scale))


def _known(pixel_size_um: float | None) -> bool:
    return pixel_size_um is not None and math.isfinite(pixel_size_um) and pixel_size_um > 0
