"""What was found in an image -> its files (label map, picture, table), as last steps of a MONAI pipeline."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import ImageReader
from monai.transforms import MapTransform

from ..files import stem_of
from .label_file import write_label_map
from .nuclei_table import nuclei_table, write_table
from .overlay import overlay as draw_overlay
from .picture_file import write_picture

__all__ = ["SaveLabelMapd", "SaveNucleiTabled"]


class SaveLabelMapd(MapTransform):
    """Write `<output_dir>/<name>.tif` and, in a folder beside it, `overlays/<name>.png`.

    The name is the item's "name", where it has one, else that of the image's file without its suffix, so a
    label map is found by its image's name. Both files appear whole or not at all; the label map comes last,
    so that one that is there tells that its picture is. The data pass through unchanged.

    Args:
        keys: the label map; one key.
        output_dir: folder of the label maps, made where it is missing; pictures go to `overlays` in it.
        image_key: the image: its `filename_or_obj` gives the name, its pixels the picture.
        overlay: whether to draw pictures.
        made_by: what makes the label maps, noted in them with the state of the image's file and the number
            of nuclei.
        made_with: what else is written of each image, noted too.
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
        made_by: str = "",
        made_with: Sequence[str] = (),
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
        self.overlay, self.made_by, self.made_with = overlay, made_by, list(made_with)
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
            file = _file_of(image, self.image_key)
            label_map = _plane(item[key], str(key))
            pixels = _array(image)
            if label_map.shape != pixels.shape[1:]:
                raise ValueError(
                    f"{file}: the label map is {label_map.shape} but the image {pixels.shape[1:]}: bring it "
                    f"back to the image's size before saving"
                )
            name = _name_of(item, file)
            if self.overlay:
                truth = None if self.truth_key is None else _plane(item[self.truth_key], self.truth_key)
                picture = draw_overlay(pixels, label_map, truth, zoom=self.zoom)
                write_picture(self.output_dir / "overlays" / f"{name}.png", picture)
            write_label_map(
                self.output_dir / f"{name}.tif",
                label_map,
                pixel_size_um=_pixel_size(getattr(image, "meta", {})),
                record=record_of(self.made_by, file)
                | {"made_with": self.made_with, "nuclei": len(np.unique(label_map[label_map > 0]))},
            )
        return item


class SaveNucleiTabled(MapTransform):
    """Write `<output_dir>/<name>.csv`: a row a nucleus, with its mean intensity in every channel of the file.

    The image is read once more, because a network gets some of its channels, resized and scaled. The data
    pass through unchanged.

    Args:
        keys: the label map; one key.
        output_dir: folder of the tables.
        reader: a reader of all channels; its meta may have "channel_names" and "pixel_size_um".
        image_key: the image, which names its file.
        enabled: whether tables are written.
        allow_missing_keys: whether items without a label map are let through.

    Shapes:
        label map: (1, H, W) or (H, W), integers.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred_map",
        *,
        output_dir: str | os.PathLike[str],
        reader: ImageReader,
        image_key: str = "image",
        enabled: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        """Keep the options; see the class."""
        super().__init__(keys, allow_missing_keys)
        self.output_dir, self.reader = Path(output_dir), reader
        self.image_key, self.enabled = image_key, enabled

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the table of one image.

        Raises:
            ValueError: if the image's file is unknown, unreadable, or of another size than the label map.
        """
        item = dict(data)
        if not self.enabled:
            return item
        for key in self.key_iterator(item):
            file = _file_of(item[self.image_key], self.image_key)
            array, meta = self.reader.get_data(self.reader.read(file))
            table = nuclei_table(
                _plane(item[key], str(key)),
                array.reshape(*array.shape[:2], -1).transpose(
                    2, 1, 0
                ),  # readers give (width, height, channels)
                channel_names=[str(name) for name in meta.get("channel_names", ())],
                pixel_size_um=_pixel_size(meta),
            )
            write_table(self.output_dir / f"{_name_of(item, file)}.csv", table)
        return item


def record_of(made_by: str, image: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a label map notes of its making, apart from what was found.

    Args:
        made_by: what made it.
        image: the file of its image; one that is changed afterwards has another record.
    """
    try:
        state = os.stat(image)
        return {"made_by": made_by, "image": [state.st_size, state.st_mtime_ns]}
    except OSError:
        return {"made_by": made_by, "image": None}


def _file_of(image: Any, key: str) -> str:
    file = getattr(image, "meta", {}).get("filename_or_obj")
    if not isinstance(file, (str, os.PathLike)) or not os.fspath(file):
        raise ValueError(f"{key!r} does not name its file: read it by LoadImaged")
    return os.fspath(file)


def _name_of(item: Mapping[Hashable, Any], file: str) -> str:
    return str(item.get("name") or stem_of(file))


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
