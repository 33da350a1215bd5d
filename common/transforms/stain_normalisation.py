"""Images of stained sections -> 0..1, as if they had been stained like a reference."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import LoadImage, MapTransform
from monai.utils import convert_to_dst_type

from .stain_density import (
    DARK_PERCENTILE,
    METHODS,
    REFERENCE_AMOUNTS,
    REFERENCE_STAINS,
    from_density,
    stain_amounts,
    stain_directions,
    to_density,
)

# Of a reference's stains from the usual haematoxylin and eosin; of six images of MoNuSeg 15 degrees, of
# inverted ones 25 and more.
_FARTHEST = np.deg2rad(22)


class StainNormalised(MapTransform):
    """Give sections the stains of a reference; for `intensity`, in training and inference alike.

    Each image's two stains are found, the amount of each in every pixel, and the image is put together anew
    from the reference's stains, the darkest amounts scaled to the reference's. What is no section (an empty
    slide, a black tile, a grey picture) has no two stains: it comes out as it is, in parts of white.

    Args:
        keys: images of red, green and blue.
        method: "macenko" or "vahadane", see `stain_directions`.
        reference: an image whose stains all images get, as a file (PNG, JPEG, TIFF) or an array, or what
            `reference()` told of one; None: the stains of Macenko's published program.
        white: intensity of an empty slide.
        allow_missing_keys: skip absent keys.

    Shapes:
        image: (3, h, w), 0..white.
        returns: (3, h, w) float32, 0..1, 1 = white.

    Raises:
        ValueError: an image is not of three channels or brighter than white, or the reference is no section
            with haematoxylin and eosin.
        FileNotFoundError: there is no reference of that name.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        method: str = "macenko",
        reference: str | os.PathLike[str] | np.ndarray | Mapping[str, Any] | None = None,
        white: float = 255.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if method not in METHODS:
            raise ValueError(f"stain method {method!r} is unknown: choose one of {', '.join(METHODS)}")
        if not white > 0:
            raise ValueError(f"white is {white}: give the intensity of an empty slide, such as 255")
        self.method, self.white = method, float(white)
        self.stains, self.amounts = REFERENCE_STAINS, REFERENCE_AMOUNTS
        if isinstance(reference, Mapping):
            self.stains, self.amounts = (np.array(reference[name]) for name in ("stains", "amounts"))
        elif reference is not None:
            self.stains, self.amounts = self._measure(reference)

    def reference(self) -> dict[str, list[Any]]:
        """Return what all images get, in numbers that stand for the reference's file.

        Returns:
            `stains`: rows of red, green and blue, columns of haematoxylin and eosin; `amounts`: their
            darkest.
        """
        return {"stains": self.stains.tolist(), "amounts": self.amounts.tolist()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise the images, keeping what is known of them."""
        d = dict(data)
        for key in self.key_iterator(d):
            name = str(getattr(d[key], "meta", {}).get("filename_or_obj", key))
            changed = torch.from_numpy(self.normalise(np.asarray(d[key]), name=name))
            d[key] = convert_to_dst_type(changed, d[key], dtype=torch.float32)[0]
        return d

    def normalise(self, image: np.ndarray, *, name: str = "image") -> np.ndarray:
        """Return one image with the reference's stains.

        Args:
            image: red, green and blue; numbers that are not finite count as white.
            name: what the image is, for the sentence.

        Shapes:
            image: (3, h, w), 0..white.
            returns: (3, h, w) float32, 0..1.
        """
        density = self._density(image, name)
        stains = stain_directions(density, method=self.method)
        if stains is None:
            return from_density(density).astype(np.float32)
        amounts = stain_amounts(density.reshape(3, -1), stains)
        dark = np.percentile(amounts, DARK_PERCENTILE, axis=1)
        scale = np.divide(self.amounts, dark, out=np.ones(2), where=dark > 0)
        mixed = self.stains @ (amounts * scale[:, None])
        return from_density(mixed.reshape(density.shape)).astype(np.float32)

    def _density(self, image: np.ndarray, name: str) -> np.ndarray:
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(
                f"{name} has the shape {image.shape}: stains are told apart by red, green and blue; leave "
                "out an alpha channel, and use ScalePercentilesd for grey images"
            )
        image = np.nan_to_num(np.asarray(image, np.float64), nan=self.white, posinf=self.white, neginf=0)
        if image.size and image.max() > self.white:
            raise ValueError(
                f"{name} has intensities up to {image.max():g}, above white {self.white:g}: set white"
            )
        return to_density(image, white=self.white)

    def _measure(self, reference: str | os.PathLike[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return stains and darkest amounts of a reference."""
        name = "the stain reference"
        if not isinstance(reference, np.ndarray):
            name = f"the stain reference {os.fspath(reference)}"
            if not os.path.isfile(reference):
                raise FileNotFoundError(f"{name} is not there: give the file of an image")
            # Columns and rows are exchanged by this reader: stains do not depend on where a pixel lies.
            loaded = LoadImage(reader="PILReader", image_only=True, ensure_channel_first=True)(reference)
            reference = np.asarray(loaded)
        density = self._density(reference, name)
        stains = stain_directions(density, method=self.method)
        usual = REFERENCE_STAINS / np.linalg.norm(REFERENCE_STAINS, axis=0)
        if stains is None or (np.arccos(np.clip((stains * usual).sum(0), -1, 1)) > _FARTHEST).any():
            raise ValueError(
                f"{name} does not show haematoxylin and eosin: give an image of a section, mostly tissue"
            )
        dark = np.percentile(stain_amounts(density.reshape(3, -1), stains), DARK_PERCENTILE, axis=1)
        return stains, dark
