"""The decoded label map of an image -> its TIFF and its picture, as the last step of a MONAI pipeline."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from ..files import stem_of
from .label_file import write_label_map
from .overlay import overlay as draw_overlay
from .picture_file import write_picture

__all__ = ["SaveLabelMapd"]


class SaveLabelMapd(MapTransform):
    """Write `<output_dir>/<stem>.tif` and, in a folder beside it, `overlays/<stem>.png`.

    The stem is that of the image's file, so a label map is found by its image's name. Both files appear
    whole or not at all. The data pass through unchanged.

    Args:
        keys: the label map; one key.
        output_dir: folder of the label maps, made where it is missing; pictures go to `overlays` in it.
        image_key: the image: its `filename_or_obj` gives the name, its pixels the picture.
        overlay: whether to draw pictures.
        truth_key: the true label map, drawn too where it is given.
        zoom: edge, in pixels of the picture, of one pixel of the image.
        allow_missing_keys: whether items without a label map are let through.

    Shapes:
        label map: (1, H, W) or (H, W), integers.
        image: (C, H, W).
    """

    def __init__(
        self,
        keys: KeysCollection = "pred_map",
        *,
        output_dir: str | os.PathLike[str],
        image_key: str = "image",
        overlay: bool = True,
        truth_key: str | None = None,
        zoom: int = 1,
        allow_missing_keys: bool = False,
    ) -> None:
        """Keep the options; see the class."""
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(
                f"keys names {len(self.keys)} label maps, whose files would have the same name: give one"
            )
        self.output_dir = Path(output_dir)
        self.image_key = image_key
        self.overlay = overlay
        self.truth_key = truth_key
        self.zoom = zoom

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the files of one image.

        Raises:
            ValueError: if the image's file name is unknown, or the label map is not one plane of whole
                numbers of the image's size.
        """
        item = dict(data)
        for key in self.key_iterator(item):
            image = item[self.image_key]
            meta = getattr(image, "meta", {})
            name = meta.get("filename_or_obj")
            if not isinstance(name, (str, os.PathLike)) or not os.fspath(name):
                raise ValueError(f"{self.image_key!r} does not name its file: read it by LoadImaged")
            stem = stem_of(os.fspath(name))
            label_map = _plane(item[key], str(key))
            pixels = _array(image)
            if label_map.shape != pixels.shape[1:]:
                raise ValueError(
                    f"{name}: the label map is {label_map.shape} but the image {pixels.shape[1:]}: bring it "
                    f"back to the image's size before saving"
                )
            write_label_map(self.output_dir / f"{stem}.tif", label_map, pixel_size_um=_pixel_size(meta))
            if self.overlay:
                truth = None if self.truth_key is None else _plane(item[self.truth_key], self.truth_key)
                picture = draw_overlay(pixels, label_map, truth, zoom=self.zoom)
                write_picture(self.output_dir / "overlays" / f"{stem}.png", picture)
        return item


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _plane(value: Any, name: str) -> np.ndarray:
    array = _array(value)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim == 2 and array.dtype.kind == "f" and np.array_equal(array, np.rint(array)):
        # LoadImaged and MONAI's own transforms turn labels into floats; whole numbers lose nothing by this.
        array = array.astype(np.int64)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ValueError(f"{name!r} is {array.dtype} of shape {array.shape}, no label map: decode it first")
    return array


def _pixel_size(meta: Mapping[str, Any]) -> float | None:
    size = meta.get("pixel_size_um")
    if size is None:
        return None
    size = float(size)
    return size if math.isfinite(size) and size > 0 else None
