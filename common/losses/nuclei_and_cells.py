"""Nuclei and whole cells learnt together: a loss for the maps of each, summed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from .unknown import known_pixels_loss


class NucleiAndCellsLoss(nn.Module):
    """The loss of the nuclei's maps, and that of the cells' maps by a weight.

    Both get all maps and all targets, and name their channels themselves. After a call `terms` holds what
    they tell of their parts, the cells' as `cell_NAME`, and "total".

    Args:
        nuclei: judges the maps of nuclei.
        cells: judges the maps of cells.
        cell_weight: weight of the second.

    Raises:
        ValueError: the weight is not above 0.

    Example:
        >>> loss = NucleiAndCellsLoss(nn.MSELoss(), nn.MSELoss(), cell_weight=0.5)
        >>> float(loss(torch.ones(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)))
        1.5
    """

    takes_unknown = True

    def __init__(self, nuclei: nn.Module, cells: nn.Module, *, cell_weight: float | int = 1.0) -> None:
        super().__init__()
        if not cell_weight > 0:
            raise ValueError(f"cell_weight is {cell_weight}: choose a weight above 0")
        self.nuclei, self.cells = known_pixels_loss(nuclei), known_pixels_loss(cells)
        self.cell_weight = cell_weight
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum.

        Shapes:
            output: (b, k, h, w), the maps of nuclei and of cells.
            target: (b, t, h, w), what they should be.
        """
        nuclei, cells = self.nuclei(output, target), self.cells(output, target)
        total: Tensor = nuclei + self.cell_weight * cells
        told = {
            f"{prefix}{name}": torch.as_tensor(value).detach()
            for prefix, loss, value_of_all in (("", self.nuclei, nuclei), ("cell_", self.cells, cells))
            for name, value in (getattr(loss, "terms", None) or {"total": value_of_all}).items()
        }
        self.terms = told | {"total": total.detach()}
        return total
