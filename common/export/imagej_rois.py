"""A label map -> ImageJ's ROIs: a zip that the ROI Manager opens, one ROI a nucleus."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from roifile import ROI_TYPE, ImagejRoi

from ..files import MARK, write_whole
from ..geometry import label_polygons

__all__ = ["nuclei_rois", "write_rois"]

_FARTHEST_PX = np.iinfo(np.int16).max  # a ROI's frame is four numbers of 16 bits
_MOVE, _LINE, _CLOSE = 0, 1, 4  # segments of a path, as java.awt.geom.PathIterator counts them
_MADE = (1980, 1, 1, 0, 0, 0)  # without the time in it the same nuclei are the same bytes


def nuclei_rois(label_map: Integer[np.ndarray, "h w"]) -> Iterator[ImagejRoi]:
    """Yield each nucleus as a ROI named by its number, in the order of the numbers.

    Outlines run along the edges of pixels, as ImageJ's own: what ImageJ measures in a ROI are the nucleus'
    pixels. A nucleus of several pieces, or with holes, is a composite ROI.

    Args:
        label_map: 0 = background, i = nucleus i.

    Shapes:
        label_map: (H, W), integers.

    Raises:
        ValueError: if the label map is higher or wider than 32,767 px, which ROIs cannot say.

    Example:
        >>> (nucleus,) = nuclei_rois(np.array([[0, 4], [0, 4]]))
        >>> nucleus.name, nucleus.coordinates().tolist()
        ('4', [[1, 0], [2, 0], [2, 2], [1, 2]])
    """
    height, width = label_map.shape
    if max(height, width) > _FARTHEST_PX:
        raise ValueError(
            f"ImageJ's ROIs reach to {_FARTHEST_PX:,} px, and the image is {width:,} x {height:,} px: write"
            " geojson instead"
        )
    for number, polygons in label_polygons(label_map):
        rings = [ring[:-1] for polygon in polygons for ring in polygon]  # the first point is not said again
        roi = ImagejRoi.frompoints(rings[0], name=str(number))
        if len(rings) > 1:
            _compose(roi, rings)
        every = np.concatenate(rings)
        (roi.left, roi.top), (roi.right, roi.bottom) = every.min(0).tolist(), every.max(0).tolist()
        yield roi


def write_rois(path: str | os.PathLike[str], label_map: Integer[np.ndarray, "h w"]) -> Path:
    """Write every nucleus into a zip for ImageJ's ROI Manager, whole or not at all.

    Args:
        path: the file; one that exists is replaced.
        label_map: see `nuclei_rois`.

    Shapes:
        label_map: (H, W), integers.

    Returns:
        The file, as a path.

    Raises:
        ValueError: see `nuclei_rois`.
    """

    def write(part: Path) -> None:
        with zipfile.ZipFile(part, "w") as archive:
            archive.comment = MARK.encode("ascii")
            for roi in nuclei_rois(label_map):
                entry = zipfile.ZipInfo(f"{roi.name}.roi", _MADE)
                archive.writestr(entry, roi.tobytes(), zipfile.ZIP_DEFLATED)

    return write_whole(path, write)


def _compose(roi: ImagejRoi, rings: list[np.ndarray]) -> None:
    """Make a ROI one of several rings; what lies inside an even number of them is outside."""
    path: list[float] = []
    for ring in rings:
        for segment, (x, y) in zip([_MOVE] + [_LINE] * (len(ring) - 1), ring, strict=True):
            path += [segment, x, y]
        path.append(_CLOSE)
    roi.roitype, roi.n_coordinates, roi.integer_coordinates = ROI_TYPE.RECT, 0, None
    roi.multi_coordinates = np.array(path, np.float32)
    roi.shape_roi_size = len(path)
