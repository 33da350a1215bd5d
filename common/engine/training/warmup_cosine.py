"""The learning rate's default schedule: a linear warm-up, then a cosine down to a share of each rate."""

from __future__ import annotations

from monai.optimizers import WarmupCosineSchedule
from torch.optim import Optimizer

__all__ = ["WarmupCosine"]


class WarmupCosine(WarmupCosineSchedule):
    """MONAI's schedule with an end that is relative: groups of parameters keep the ratio of their rates.

    MONAI's own ends every group at one absolute rate, which lifts an encoder that shall learn slowly.

    Args:
        optimizer: the optimizer, whose groups have the rates that the warm-up leads to.
        warmup_steps: steps of the warm-up, from a rate of 0.
        t_total: steps of the whole training.
        end_share: the last rate as a share of the group's highest, 0 to 1.

    Raises:
        ValueError: if the share is not in [0, 1].

    Example:
        >>> import torch
        >>> weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
        >>> groups = [{"params": weights[0], "lr": 1.0}, {"params": weights[1], "lr": 0.5}]
        >>> optimizer = torch.optim.SGD(groups)
        >>> schedule = WarmupCosine(optimizer, warmup_steps=0, t_total=1, end_share=0.01)
        >>> optimizer.step()
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.01, 0.005]
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, t_total: int, *, end_share: float = 0.01
    ) -> None:
        if not 0 <= end_share <= 1:
            raise ValueError(f"end_share of the schedule must be in [0, 1], such as 0.01, not {end_share}")
        self.end_share = end_share
        super().__init__(optimizer, warmup_steps, t_total)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at this step."""
        rates = list(super().get_lr())
        if self.last_epoch < self.warmup_steps:
            return rates
        return [
            max(self.end_share * highest, rate) for highest, rate in zip(self.base_lrs, rates, strict=True)
        ]
