"""Maps -> nuclei and whole cells with one number for both, in torch operations that TorchScript compiles."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .no_type_check import no_type_check
from .tensor_votes import look_up_nearest

__all__ = ["NucleiInCellsModule", "match_cells_tensor"]


@no_type_check
def owning_cells(nuclei: Tensor, cells: Tensor) -> Tensor:
    """Return the cell of each nucleus; 0 where it has none, and for the background.

    Args:
        nuclei: label map of nuclei.
        cells: label map of cells.

    Shapes:
        nuclei: (h, w) int64, 0..N.
        cells: (h, w) int64, 0..M.
        returns: (N + 1,) int64.

    Example:
        >>> owning_cells(torch.tensor([[1, 1, 1, 2]]), torch.tensor([[0, 5, 5, 0]])).tolist()
        [0, 5, 0]
    """
    count, width = int(nuclei.max()) + 1, int(cells.max()) + 1
    both = (nuclei > 0) & (cells > 0)
    pairs, pixels = torch.unique(nuclei[both] * width + cells[both], return_counts=True)
    of, cell = pairs // width, pairs % width
    areas = torch.bincount(nuclei.flatten(), minlength=count)
    none = torch.zeros_like(areas)
    covered = none.scatter_add(0, of, pixels)
    # One number that sorts by pixels first, then by the cell's number.
    owner = none.scatter_reduce(0, of, pixels * width + cell, "amax") % width
    owner[2 * covered < areas] = 0
    owner[0] = 0
    return owner


@no_type_check
def part_shared_cells(found: Tensor, nuclei: Tensor, cells: Tensor, owner: Tensor) -> Tensor:
    """Return the map in which each pixel of a cell of several nuclei has the number of the nearest of them.

    Args:
        found: cells by the numbers of nuclei; those of several nuclei may have any.
        nuclei: label map of nuclei.
        cells: label map of cells.
        owner: see `owning_cells`.

    Shapes:
        found, nuclei, cells: (h, w) int64.
        owner: (N + 1,) int64.
        returns: (h, w) int64.
    """
    count = int(cells.max()) + 1
    shared = torch.where(torch.bincount(owner[owner > 0], minlength=count) > 1)[0]
    rows, columns = torch.where(cells > 0)
    which = cells[rows, columns]
    far = torch.full([count], cells.numel(), dtype=torch.int64, device=cells.device)
    top, left = [far.scatter_reduce(0, which, each, "amin") for each in (rows, columns)]
    bottom, right = [torch.zeros_like(far).scatter_reduce(0, which, each, "amax") for each in (rows, columns)]
    found = found.clone()
    for place in range(shared.numel()):
        cell = int(shared[place])
        first, last = int(top[cell]), int(bottom[cell]) + 1
        begin, end = int(left[cell]), int(right[cell]) + 1
        part, near = found[first:last, begin:end], nuclei[first:last, begin:end]
        inside = cells[first:last, begin:end] == cell
        own = torch.where(owner[near] == cell, near, 0)
        down, across = torch.where(inside)
        part[inside] = look_up_nearest(own, down, across, 1)
    return found


@no_type_check
def match_cells_tensor(nuclei: Tensor, cells: Tensor) -> Tensor:
    """Return what `match_cells` returns, for tensors: see there.

    Args:
        nuclei: label map of nuclei.
        cells: label map of cells, numbered by itself.

    Shapes:
        nuclei: (h, w) int64, 0..N.
        cells: (h, w) int64, 0..M.
        returns: (h, w) int64; cells 1..N are those of the nuclei, N + 1 and on have none.

    Example:
        >>> nuclei, cells = torch.tensor([[[0, 0, 1, 0, 0, 2]], [[3, 3, 0, 2, 2, 2]]])
        >>> match_cells_tensor(nuclei, cells).tolist()
        [[3, 3, 1, 2, 2, 2]]
    """
    owner = owning_cells(nuclei, cells)
    count = owner.numel() - 1
    areas = torch.bincount(cells.flatten())
    left = torch.bincount(torch.where(nuclei == 0, cells, 0).flatten(), minlength=areas.numel())
    number = torch.zeros_like(areas)
    number = number.scatter_reduce(0, owner, torch.arange(count + 1, device=owner.device), "amax")
    number[0] = 0
    found = part_shared_cells(number[cells], nuclei, cells, owner)
    lonely = (number == 0) & (2 * left > areas)
    lonely[0] = False
    beyond = torch.where(lonely, count + lonely.cumsum(0), 0)[cells]
    found = torch.where(beyond > 0, beyond, found)
    return torch.where(nuclei > 0, nuclei, found)


class NucleiInCellsModule(nn.Module):
    """`NucleiInCells` on tensors: the same labels, on the maps' device, compiled by `torch.jit.script`.

    Args:
        nuclei: maps -> label maps of nuclei, the module of a decoder.
        cells: maps -> label maps of cells.

    Shapes:
        maps: (b, k, h, w) float.
        returns: (b, 2, h, w) int32: nuclei 1..N, and cells as `match_cells` numbers them.
    """

    def __init__(self, nuclei: nn.Module, cells: nn.Module) -> None:
        super().__init__()
        self.nuclei, self.cells = nuclei, cells

    @no_type_check
    def forward(self, maps: Tensor) -> Tensor:
        """Return the label maps."""
        nuclei, cells = self.nuclei(maps)[:, 0].long(), self.cells(maps)[:, 0].long()
        matched = torch.stack([match_cells_tensor(nuclei[n], cells[n]) for n in range(len(maps))])
        return torch.stack([nuclei, matched], 1).to(torch.int32)
