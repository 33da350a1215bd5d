"""What was found in an image -> its table and polygons, as a step of a MONAI pipeline."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import ImageReader
from monai.transforms import MapTransform

from .cell_table import beside_nuclei, cell_table
from .geojson import cell_features, nuclei_features, write_geojson
from .imagej_rois import write_rois
from .nuclei_table import nuclei_table, write_table
from .saved_item import array_of, file_of, name_of, pixel_size_of, planes_of

__all__ = ["POLYGON_FORMATS", "SaveNucleid", "embeddings_name"]

_log = logging.getLogger(__name__)

POLYGON_FORMATS = ("geojson", "geojson.gz", "rois.zip")
"""What outlines are written as, for QuPath and for ImageJ; the files' suffixes too."""


class SaveNucleid(MapTransform):
    """Write `<output_dir>/<name>.csv`, a row a nucleus, and its outlines beside it, in one format or several.

    Table and GeoJSON have each nucleus' size and its mean intensity in every channel of the file. The image
    is read once more for them, because a network gets some of its channels, resized and scaled. Where the
    label map has whole cells as a second plane, the table has those of each nucleus' cell too, and GeoJSON
    has QuPath's cell objects; ROIs are of nuclei. The data pass through unchanged.

    Args:
        keys: the label map; one key.
        output_dir: folder of the files.
        reader: a reader of all channels; its meta may have "channel_names" and "pixel_size_um".
        image_key: the image, which names its file.
        table: whether tables are written.
        formats: what outlines are written as, of `POLYGON_FORMATS`.
        embeddings_key: what a network knows of each nucleus; where an item has it, `<name>_embeddings.csv` is
            written, a row a nucleus in the order of the table.
        allow_missing_keys: whether items without a label map are let through.

    Shapes:
        label map: (1, H, W) or (H, W), integers; (2, H, W) of nuclei and cells.
        embeddings: (N, d), row i - 1 of nucleus i.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred_map",
        *,
        output_dir: str | os.PathLike[str],
        reader: ImageReader,
        image_key: str = "image",
        table: bool = True,
        formats: Sequence[str] = (),
        embeddings_key: str = "embeddings",
        allow_missing_keys: bool = False,
    ) -> None:
        """Keep the options; see the class."""
        super().__init__(keys, allow_missing_keys)
        self.output_dir, self.reader = Path(output_dir), reader
        self.image_key, self.table, self.formats = image_key, table, tuple(formats)
        self.embeddings_key = embeddings_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the files of one image.

        Raises:
            ValueError: if the image's file is unknown, unreadable, or of another size than the label map.
        """
        item = dict(data)
        self._save_embeddings(item)
        if not self.table and not self.formats:
            return item
        for key in self.key_iterator(item):
            file = file_of(item[self.image_key], self.image_key)
            name, (label_map, cells) = name_of(item, file), planes_of(item[key], str(key))
            array, meta = self.reader.get_data(self.reader.read(file))
            # readers give (width, height, channels)
            pixels = array.reshape(*array.shape[:2], -1).transpose(2, 1, 0)
            told: dict[str, Any] = {"pixel_size_um": pixel_size_of(meta)}
            told["channel_names"] = [str(channel) for channel in meta.get("channel_names", ())]
            measured = nuclei_table(label_map, pixels, **told)
            of_cells = None if cells is None else cell_table(cells, pixels, **told)
            if self.table:
                rows = measured if of_cells is None else beside_nuclei(measured, of_cells)
                write_table(self.output_dir / f"{name}.csv", rows)
            for suffix in self.formats:
                path = self.output_dir / f"{name}.{suffix}"
                if suffix == "rois.zip":
                    _write_rois(path, label_map)
                elif cells is None:
                    write_geojson(path, nuclei_features(label_map, measured, name=name))
                else:
                    found = cell_features(label_map, cells, measured, of_cells, name=name)
                    write_geojson(path, found)
        return item

    def _save_embeddings(self, item: Mapping[Hashable, Any]) -> None:
        if self.embeddings_key not in item:
            return
        for key in self.key_iterator(dict(item)):
            name = name_of(item, file_of(item[self.image_key], self.image_key))
            label_map = planes_of(item[key], str(key))[0]
            table = embeddings_table(label_map, array_of(item[self.embeddings_key]))
            write_table(self.output_dir / embeddings_name(name), table)


def embeddings_name(name: str) -> str:
    """Return the file of what a network knows of an image's nuclei, beside their table."""
    return f"{name}_embeddings.csv"


def embeddings_table(label_map: np.ndarray, embeddings: np.ndarray) -> dict[str, np.ndarray]:
    """Return the embeddings of the nuclei of a label map as columns, a row a nucleus.

    Args:
        label_map: 0 = background, i = nucleus i.
        embeddings: of all numbers up to the highest.

    Shapes:
        label_map: (H, W), integers.
        embeddings: (N, d), row i - 1 of nucleus i.

    Example:
        >>> table = embeddings_table(np.array([[0, 2]]), np.array([[1.0, 2.0], [3.0, 4.0]]))
        >>> {name: column.tolist() for name, column in table.items()}
        {'label': [2], 'embedding_0': [3.0], 'embedding_1': [4.0]}
    """
    numbers = np.unique(label_map[label_map > 0])
    columns = embeddings[numbers - 1].T
    return {"label": numbers, **{f"embedding_{place}": column for place, column in enumerate(columns)}}


def _write_rois(path: Path, label_map: np.ndarray) -> None:
    """Write ROIs; the label map of a slide that is too large for them shall not be lost with them."""
    try:
        write_rois(path, label_map)
    except ValueError as error:
        _log.warning("%s is not written: %s", path, error)
