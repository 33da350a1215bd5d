"""A label map and its image -> a table, one row a nucleus: size, place and brightness; as CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer, Shaped

from ..files import write_whole

__all__ = ["nuclei_table", "read_table", "write_table"]

Columns = Mapping[str, np.ndarray]
_PIXELS_AT_ONCE = 2**19  # of a slide's, so that real numbers of all its pixels are never there at once


def nuclei_table(
    label_map: Integer[np.ndarray, "h w"],
    image: Shaped[np.ndarray, "c rows columns"],
    *,
    channel_names: Sequence[str] = (),
    pixel_size_um: float | None = None,
) -> dict[str, np.ndarray]:
    """Measure every nucleus of an image, as scikit-image's `regionprops_table` does, in little memory.

    Args:
        label_map: 0 = background, i = nucleus i.
        image: intensities as stored, of all channels that are to be measured.
        channel_names: one a channel; by default their numbers.
        pixel_size_um: edge of a pixel in micrometres, where it is known.

    Shapes:
        label_map: (H, W), integers.
        image: (C, H, W), numbers; not finite ones make a mean that is not finite.

    Returns:
        Columns of one value a nucleus, in the order of the labels: `label`, `area_px`, `centroid_row_px` and
        `centroid_column_px` (from 0, of the centre of the first pixel), `area_um2` where the pixel size is
        known, and `mean_NAME` of each channel.

    Raises:
        ValueError: if sizes differ, or names are not as many as channels.

    Example:
        >>> label_map = np.zeros((4, 6), dtype=int)
        >>> label_map[1:3, 2:5] = 7
        >>> table = nuclei_table(label_map, 2.0 * label_map[None], channel_names=["DAPI"], pixel_size_um=0.5)
        >>> {name: column.tolist() for name, column in table.items()}  # doctest: +NORMALIZE_WHITESPACE
        {'label': [7], 'area_px': [6], 'centroid_row_px': [1.5], 'centroid_column_px': [3.0],
         'area_um2': [1.5], 'mean_DAPI': [14.0]}
    """
    names = list(channel_names) or [str(number) for number in range(len(image))]
    if len(names) != len(image) or image.shape[1:] != label_map.shape:
        raise ValueError(
            f"the table needs one name a channel and one image of the label map's size: {len(names)} "
            f"name(s), an image {image.shape} and a label map {label_map.shape} are given"
        )
    numbers, (area, rows, columns, *sums) = _sums(label_map, image)
    table = {
        "label": numbers,
        "area_px": area.astype(np.int64),
        "centroid_row_px": rows / area,
        "centroid_column_px": columns / area,
    }
    if pixel_size_um is not None:
        table["area_um2"] = table["area_px"] * pixel_size_um**2
    for number, name in enumerate(_different(names)):
        table[f"mean_{name}"] = sums[number] / area
    return table


def _sums(label_map: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of all nuclei, and over the pixels of each the sums of 1, row, column and channels.

    Shapes:
        returns: (N,) int64, ascending; (3 + C, N) float64.
    """
    found = list(_sums_by_bands(label_map, image))
    numbers, at = np.unique(np.concatenate([labels for labels, _ in found]), return_inverse=True)
    parts = np.concatenate([sums for _, sums in found], axis=1)
    return numbers, np.stack([np.bincount(at, weights=part, minlength=len(numbers)) for part in parts])


def _sums_by_bands(label_map: np.ndarray, image: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield what `_sums` returns, of some rows at once; a nucleus may be in several."""
    height, width = label_map.shape
    step = max(_PIXELS_AT_ONCE // max(width, 1), 1)
    for top in range(0, height, step):
        band = label_map[top : top + step]
        begins = np.ones(band.shape, bool)  # of a row's pixels of one number
        begins[:, 1:] = band[:, 1:] != band[:, :-1]
        starts = np.flatnonzero(begins)
        labels = band.ravel()[starts].astype(np.int64)
        nuclei = labels > 0
        row, column = np.divmod(starts[nuclei], max(width, 1))
        count = np.diff(starts, append=band.size)[nuclei]
        sums = [count, (row + top) * count, (2 * column + count - 1) * count / 2]
        for channel in image[:, top : top + step]:
            with np.errstate(invalid="ignore"):  # infinities of both signs have no sum
                values = channel.astype(np.float64).ravel()
                sums.append(np.add.reduceat(values, starts)[nuclei] if len(starts) else values)
        numbers, at = np.unique(labels[nuclei], return_inverse=True)
        yield (
            numbers,
            np.stack([np.bincount(at, weights=part, minlength=len(numbers)) for part in sums]),
        )


def _different(names: Sequence[str]) -> list[str]:
    """Tell channels of one name apart by their numbers."""
    return [f"{name}_{number}" if names.count(name) > 1 else name for number, name in enumerate(names)]


def write_table(path: str | os.PathLike[str], table: Mapping[str, Sequence[object] | np.ndarray]) -> Path:
    """Write columns as CSV, whole or not at all.

    Args:
        path: the file; one that exists is replaced.
        table: columns by name, all of one length. Real numbers are rounded to 6 significant digits.

    Returns:
        The file, as a path.
    """

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(table)
            rows.writerows([_written(value) for value in row] for row in zip(*table.values(), strict=True))

    return write_whole(path, write)


def _written(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def read_table(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read what `write_table` wrote of nuclei.

    Args:
        path: the file, of numbers alone.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return dict(zip(names, values.T, strict=True))
