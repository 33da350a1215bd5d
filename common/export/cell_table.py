"""Whole cells -> columns of the table of nuclei: the area and brightness of the cell of each nucleus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Integer, Shaped

from .nuclei_table import nuclei_table

__all__ = ["beside_nuclei", "cell_table"]


def cell_table(
    cells: Integer[np.ndarray, "h w"],
    image: Shaped[np.ndarray, "c rows columns"],
    *,
    channel_names: Sequence[str] = (),
    pixel_size_um: float | None = None,
) -> dict[str, np.ndarray]:
    """Measure every cell of an image, its nucleus included.

    Args:
        cells: 0 = background, i = the cell of nucleus i.
        image: see `nuclei_table`.
        channel_names: see `nuclei_table`.
        pixel_size_um: see `nuclei_table`.

    Shapes:
        cells: (H, W), integers.
        image: (C, H, W), numbers.

    Returns:
        Columns of one value a cell: `label`, `cell_area_px`, `cell_area_um2` where the pixel size is known,
        and `cell_mean_NAME` of each channel.

    Raises:
        ValueError: see `nuclei_table`.
    """
    found = nuclei_table(cells, image, channel_names=channel_names, pixel_size_um=pixel_size_um)
    measured = {f"cell_{key}": column for key, column in found.items() if key.startswith(("area_", "mean_"))}
    return {"label": found["label"], **measured}


def beside_nuclei(table: Mapping[str, np.ndarray], cells: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the columns of its cell to each nucleus; cells without a nucleus are left out.

    Args:
        table: of nuclei, see `nuclei_table`.
        cells: see `cell_table`; every nucleus has a cell of its number.

    Example:
        >>> nuclei = {"label": np.array([2]), "area_px": np.array([4])}
        >>> cells = {"label": np.array([2, 3]), "cell_area_px": np.array([9, 5])}
        >>> {key: column.tolist() for key, column in beside_nuclei(nuclei, cells).items()}
        {'label': [2], 'area_px': [4], 'cell_area_px': [9]}
    """
    rows = np.searchsorted(cells["label"], table["label"])
    return {**table, **{key: column[rows] for key, column in cells.items() if key != "label"}}
