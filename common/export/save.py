"""What was found in an image -> its label map and picture, as a last step of a MONAI pipeline."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform

from .label_file import write_label_map
from .overlay import overlay as draw_overlay
from .picture_file import write_picture
from .saved_item import array_of, file_of, name_of, pixel_size_of, planes_of

__all__ = ["SaveLabelMapd", "cells_name", "record_of"]


class SaveLabelMapd(MapTransform):
    """Write `<output_dir>/<name>.tif` and, in a folder beside it, `overlays/<name>.png`.

    The name is the item's "name", where it has one, else that of the image's file without its suffix, so a
    label map is found by its image's name. Both files appear whole or not at all; the label map comes last,
    so that one that is there tells that its picture is. Whole cells, where the label map has them as a second
    plane, go to `<name>_cells.tif`, and into the picture in blue. The data pass through unchanged.

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
        label map: (1, H, W) or (H, W), integers; (2, H, W) of nuclei and cells.
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
            file = file_of(image, self.image_key)
            label_map, cells = planes_of(item[key], str(key))
            pixels = array_of(image)
            if label_map.shape != pixels.shape[1:]:
                raise ValueError(
                    f"{file}: the label map is {label_map.shape} but the image {pixels.shape[1:]}: bring it "
                    f"back to the image's size before saving"
                )
            name = name_of(item, file)
            if self.overlay:
                second = (
                    cells if self.truth_key is None else planes_of(item[self.truth_key], self.truth_key)[0]
                )
                picture = draw_overlay(pixels, label_map, second, zoom=self.zoom)
                write_picture(self.output_dir / "overlays" / f"{name}.png", picture)
            size_um = pixel_size_of(getattr(image, "meta", {}))
            record = record_of(self.made_by, file) | {
                "made_with": self.made_with,
                "nuclei": _count(label_map),
            }
            if cells is not None:
                record["cells"] = _count(cells)
                path = self.output_dir / cells_name(name)
                write_label_map(path, cells, pixel_size_um=size_um, record=record)
            path = self.output_dir / f"{name}.tif"
            write_label_map(path, label_map, pixel_size_um=size_um, record=record)
        return item


def cells_name(name: str) -> str:
    """Return the file of an image's cells, beside that of its nuclei."""
    return f"{name}_cells.tif"


def _count(label_map: np.ndarray) -> int:
    return len(np.unique(label_map[label_map > 0]))


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
