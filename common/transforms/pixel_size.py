"""Images and labels to the size that the network was trained on, and what it found back to the image's grid.

MONAI's own do not fit: Spacingd and Zoomd shrink without antialiasing, Resized brings all images to one size,
and the nearest neighbour of all three is that of a pixel's corner, which moves labels by half a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from torch.nn import functional

from ..geometry import SEARCH_KEY, ModelScale, finite_values

SCALE_KEY, SIZE_KEY, ORIGINAL_KEY = "scale", "image_size_px", "original_image"


def resample_image(image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resample an image linearly, averaging over all pixels that a smaller one takes the place of.

    Nothing leaves the range of the channel, not by a rounding either: a probability stays one.

    Args:
        image: intensities; not finite ones count as the lowest finite one of their channel, or would spread.
        size: new height and width.

    Shapes:
        image: (c, h, w).
        returns: (c, *size) float32.

    Example:
        >>> resample_image(torch.full((1, 5, 7), 3.0), (2, 11)).unique().tolist()
        [3.0]
    """
    finite = torch.from_numpy(finite_values(np.asarray(image.float())))
    resampled = functional.interpolate(finite[None], size=tuple(size), mode="bilinear", antialias=True)[0]
    return resampled.clamp(finite.amin((-2, -1), keepdim=True), finite.amax((-2, -1), keepdim=True))


def resample_labels(label_map: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resample a label map: every new pixel has the label of the old one that its centre lies in.

    Args:
        label_map: labels of any type, which is kept.
        size: new height and width.

    Shapes:
        label_map: (..., h, w).
        returns: (..., *size).

    Example:
        >>> resample_labels(np.array([[1, 2]]), (2, 4)).tolist()
        [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    # Whole numbers: (2 i + 1) / 2 times old / new, rounded down without an error of floats.
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(size, label_map.shape[-2:], strict=True)
    )
    return label_map.take(rows, axis=-2).take(columns, axis=-1)  # twice as fast as both at once


class ToModelScaled(MapTransform):
    """Resize images and their labels by what their pixel size, or else the given scale, asks for.

    The item gets the factor as "scale" and the image's height and width as "image_size_px", which
    `ToImageGridd` goes back to. Where the factor is 1 nothing else happens; where it is to be searched, it is
    1 at first, and the image's meta says so as "search_scale".

    Args:
        keys: images and labels of one size; the first tells the pixel size, unless the item itself does.
        model_scale: the model's pixel size, and the factor for images that do not tell theirs.
        labels: those of the keys that hold labels.
        keep_original: keep a resized image as it was too, for pictures. Not for batches of several.
        allow_missing_keys: skip absent keys.

    Shapes:
        image: (c, h, w) becomes (c, h', w').
        label map: (1, h, w) becomes (1, h', w').

    Raises:
        ValueError: a factor is above 8 or below 1/8.
    """

    def __init__(
        self,
        keys: KeysCollection,
        model_scale: ModelScale,
        *,
        labels: Sequence[str] = ("label",),
        keep_original: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.model_scale, self.labels, self.keep_original = model_scale, tuple(labels), keep_original

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resize."""
        d = dict(data)
        image = d[self.keys[0]]
        meta = getattr(image, "meta", {})
        given = float(d.get("pixel_size_um", np.nan))
        size_um = given if given > 0 else float(meta.get("pixel_size_um", np.nan))
        factor = self.model_scale.factor(size_um, name=str(meta.get("filename_or_obj", "an image")))
        before = tuple(image.shape[-2:])
        after = [max(1, round(factor * length)) for length in before]
        d[SCALE_KEY], d[SIZE_KEY] = factor, np.array(before)
        if self.model_scale.searches(size_um):
            # What runs the network sees the image alone, not the item.
            d[self.keys[0]] = MetaTensor(image, meta={**meta, SEARCH_KEY: True})
        if tuple(after) == before:
            return d
        if self.keep_original:
            d[ORIGINAL_KEY] = image
        for key in self.key_iterator(d):
            if key in self.labels:
                resized = torch.from_numpy(resample_labels(np.asarray(d[key]), after))
            else:
                resized = resample_image(torch.as_tensor(d[key]), after)
            d[key] = convert_to_dst_type(resized, d[key], dtype=resized.dtype)[0]
        return d


class ToImageGridd(MapTransform):
    """Bring label maps and probabilities back to the image's own height and width; undo `ToModelScaled`.

    The image in its original pixels takes the place of the resized one where it was kept. Items whose
    image was not resized pass as they are. Where nuclei were found on another grid than the image was brought
    to, because the factor was searched, "scale" becomes that of the grid that they were found on.

    Args:
        keys: label maps (integers) and maps of numbers (floats).
        image_key: the image.
        allow_missing_keys: skip absent keys.

    Shapes:
        label map, map: (k, h', w') becomes (k, h, w).
    """

    def __init__(
        self, keys: KeysCollection, *, image_key: str = "image", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample."""
        d = dict(data)
        if SIZE_KEY not in d:
            return d
        size = [int(length) for length in np.asarray(d[SIZE_KEY]).ravel()]
        for key in self.key_iterator(d):
            array = torch.as_tensor(d[key]).detach().cpu()
            if list(array.shape[-2:]) == size:
                continue
            d[SCALE_KEY] = _factor(float(d.get(SCALE_KEY, 1.0)), size, list(array.shape[-2:]))
            is_map = array.is_floating_point()
            d[key] = (
                resample_image(array, size)
                if is_map
                else torch.from_numpy(resample_labels(array.numpy(), size))
            )
        if ORIGINAL_KEY in d:
            d[self.image_key] = d.pop(ORIGINAL_KEY)
        return d


def _factor(told: float, before: Sequence[int], after: Sequence[int]) -> float:
    """Return the factor between two sizes: the one that is told, if it makes the second of the first."""
    if [max(1, round(told * length)) for length in before] == list(after):
        return told
    return math.sqrt(math.prod(after) / math.prod(before))
