"""Random amounts of stain: sections are stained for longer or shorter, and differently in each laboratory."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type

from .stain_density import REFERENCE_STAINS, from_density, to_density

_BRIGHTEST = 10.0  # in parts of white: other augmentation may brighten an image, but not as much as this


def stain_basis() -> np.ndarray:
    """Return haematoxylin, eosin and what is neither, (3, 3), columns of length 1.

    Example:
        >>> basis = stain_basis()
        >>> bool(np.allclose(basis[:, 2] @ basis[:, :2], 0))
        True
    """
    stains = REFERENCE_STAINS / np.linalg.norm(REFERENCE_STAINS, axis=0)
    neither = np.cross(stains[:, 0], stains[:, 1])
    return np.column_stack([stains, neither / np.linalg.norm(neither)])


class RandStainJitterd(RandomizableTransform, MapTransform):
    """Multiply the amounts of haematoxylin, eosin and the rest by random factors, and add random amounts.

    For images in parts of white (0..1, 1 = an empty slide), as `StainNormalised` gives them, not for images
    scaled by their percentiles. All images of an item get the same factors.

    Args:
        keys: images of red, green and blue.
        prob: how often.
        factor: each amount is multiplied by 1 - factor to 1 + factor.
        shift: -shift to shift of optical density is added along each stain; white does not stay white then.
        allow_missing_keys: skip absent keys.

    Shapes:
        image: (3, h, w), 0..1; what is brighter than white counts as white.
        returns: (3, h, w) float32, 0..1.

    Raises:
        ValueError: an option is out of range, or an image is not of three channels in 0..1.

    References:
        Tellez et al., Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference to
        train distilled stain-invariant convolutional networks, IEEE Transactions on Medical Imaging, 2018.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        prob: float = 0.8,
        factor: float = 0.2,
        shift: float = 0.02,
        allow_missing_keys: bool = False,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}: choose a probability from 0 to 1")
        if not 0 <= factor < 1 or shift < 0:
            raise ValueError(f"factor {factor} must be 0 to below 1, shift {shift} must be 0 or more")
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.factor, self.shift = factor, shift
        self._factors, self._shifts = np.ones(3), np.zeros(3)

    def randomize(self, data: Any = None) -> None:
        """Draw the factors and shifts of one item."""
        super().randomize(None)
        self._factors = self.R.uniform(1 - self.factor, 1 + self.factor, size=3)
        self._shifts = self.R.uniform(-self.shift, self.shift, size=3)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Stain the images anew."""
        d = dict(data)
        self.randomize()
        for key in self.key_iterator(d):
            if self._do_transform:
                stained = torch.from_numpy(self._stain(np.asarray(d[key], np.float64), str(key)))
                d[key] = convert_to_dst_type(stained, d[key], dtype=torch.float32)[0]
        return d

    def _stain(self, image: np.ndarray, name: str) -> np.ndarray:
        if image.ndim != 3 or image.shape[0] != 3 or image.max(initial=0) > _BRIGHTEST:
            raise ValueError(
                f"{name} has the shape {image.shape} and intensities up to {image.max(initial=0):g}: stain "
                "jitter is for red, green and blue in parts of white, as StainNormalised gives them"
            )
        basis = stain_basis()
        mixing = basis @ np.diag(self._factors) @ np.linalg.inv(basis)
        density = to_density(image, white=1.0)
        mixed = np.tensordot(mixing, density, axes=1) + (basis @ self._shifts)[:, None, None]
        return from_density(mixed).astype(np.float32)
