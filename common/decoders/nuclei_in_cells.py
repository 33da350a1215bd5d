"""Maps -> two label maps, of nuclei and of whole cells, in which a cell has the number of its nucleus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from .tensor_cells import NucleiInCellsModule

Decoder = Callable[[np.ndarray], np.ndarray]
_MOSTLY = 0.5  # of a nucleus lies in a cell that is its, or of a cell outside the nuclei of others


def match_cells(nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Give cells the numbers of their nuclei, so that one number is one nucleus and one cell.

    | found | becomes |
    |---|---|
    | a nucleus half or more of which lies in cells | the cell that has most of it, under its number |
    | several nuclei of one cell | the cell is parted: each pixel goes to the nearest of them |
    | a nucleus outside of cells | its own outline is its cell |
    | a cell without a nucleus | stays, with a number beyond the nuclei's |
    | such a cell that nuclei of others cover by half | is dropped |

    A cell has all pixels of its nucleus, also those that were found outside of it or in its neighbour.

    Args:
        nuclei: label map of nuclei.
        cells: label map of cells, numbered by itself.

    Shapes:
        nuclei: (h, w), 0..N.
        cells: (h, w), 0..M.
        returns: (h, w) int32; cells 1..N are those of the nuclei, N + 1 and on have none.

    Example:
        >>> match_cells(np.array([[0, 0, 1, 0, 0, 2]]), np.array([[3, 3, 0, 2, 2, 2]])).tolist()
        [[3, 3, 1, 2, 2, 2]]
    """
    count = int(nuclei.max(initial=0))
    owner = _cell_of_each(nuclei, cells, count)
    number = np.zeros(int(cells.max(initial=0)) + 1, np.int32)
    number[owner] = np.arange(count + 1)
    number[0] = 0
    found = number[cells]
    shared = np.flatnonzero(np.bincount(owner[owner > 0], minlength=1) > 1)
    boxes = ndimage.find_objects(cells) if len(shared) else []
    for cell in shared.tolist():
        box = boxes[cell - 1]
        inside = cells[box] == cell
        own = np.where(owner[nuclei[box]] == cell, nuclei[box], 0)
        nearest = ndimage.distance_transform_edt(own == 0, return_distances=False, return_indices=True)
        found[box][inside] = own[tuple(nearest)][inside]
    lonely = np.setdiff1d(np.unique(cells), [0, *owner.tolist()])
    areas, left = (
        np.bincount(each.ravel(), minlength=len(number)) for each in (cells, cells * (nuclei == 0))
    )
    lonely = lonely[left[lonely] > _MOSTLY * areas[lonely]]
    number[:] = 0
    number[lonely] = count + np.arange(1, len(lonely) + 1)
    found = np.where(number[cells] > 0, number[cells], found)
    return np.where(nuclei > 0, nuclei, found).astype(np.int32)


def _cell_of_each(nuclei: np.ndarray, cells: np.ndarray, count: int) -> np.ndarray:
    """Return the cell of each nucleus, (N + 1,); 0 where it has none, and for the background."""
    both = (nuclei > 0) & (cells > 0)
    width = int(cells.max(initial=0)) + 1
    pairs, pixels = np.unique(nuclei[both].astype(np.int64) * width + cells[both], return_counts=True)
    of, cell = pairs // width, pairs % width
    areas = np.bincount(nuclei.ravel(), minlength=count + 1)
    covered = np.bincount(of, pixels, minlength=count + 1)
    owner = np.zeros(count + 1, np.int64)
    most_last = np.argsort(pixels, kind="stable")
    owner[of[most_last]] = cell[most_last]
    owner[covered < _MOSTLY * areas] = 0
    owner[0] = 0
    return owner


class NucleiInCells:
    """Decode nuclei and whole cells, each by a decoder of its own, and match them.

    Args:
        nuclei: maps -> label map of nuclei.
        cells: maps -> label map of cells, of other channels of the same maps.
    """

    finds_cells = True

    def __init__(self, nuclei: Decoder, cells: Decoder) -> None:
        self.nuclei, self.cells = nuclei, cells

    @property
    def CANDIDATES(self) -> Mapping[str, Sequence[Any]]:
        """What `scripts.tune` tries for each option of both decoders, as `nuclei::NAME` and `cells::NAME`."""
        parts = (("nuclei", self.nuclei), ("cells", self.cells))
        return {
            f"{part}::{name}": values
            for part, decoder in parts
            for name, values in getattr(decoder, "CANDIDATES", {}).items()
        }

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return both label maps.

        Shapes:
            maps: (k, h, w) float.
            returns: (2, h, w) int32: nuclei 1..N, and cells as `match_cells` numbers them.
        """
        nuclei = self.nuclei(maps)
        return np.stack([nuclei, match_cells(nuclei, self.cells(maps))]).astype(np.int32)

    def as_module(self) -> NucleiInCellsModule:
        """Return the same decoder as a module of torch operations, for what has to run without this code.

        Raises:
            AttributeError: one of the two decoders has no such form.
        """
        nuclei, cells = (decoder.as_module() for decoder in (self.nuclei, self.cells))  # type: ignore[attr-defined]
        return NucleiInCellsModule(nuclei, cells)
