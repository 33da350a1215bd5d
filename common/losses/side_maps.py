"""Deep supervision: maps of a network's side heads are judged as its own maps are."""

from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor, nn

from .unknown import known_pixels_loss


class SideMapsLoss(nn.Module):
    """A loss over the maps of all heads of a network, which follow each other in one tensor; their mean.

    Networks with side heads put their maps out in training alone, so that one head is judged in validation.
    Each head stands for an image of its own: a loss is called once for all of them, and counts one step.

    Args:
        loss: judges the maps of one head; a loss that sums over a batch instead of averaging it would weigh
            the heads by their number.
        maps: maps of each head.

    Raises:
        ValueError: the number of maps is not positive, or the network's are not a multiple of it.

    References:
        Lee, Xie, Gallagher, Zhang and Tu, Deeply-supervised nets, AISTATS 2015; here with equal weights.

    Example:
        >>> import torch
        >>> loss = SideMapsLoss(nn.MSELoss(), maps=1)
        >>> maps = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1)  # two heads
        >>> float(loss(maps, torch.zeros(1, 1, 1, 1)))
        5.0
    """

    takes_unknown = True

    def __init__(self, loss: nn.Module, *, maps: int) -> None:
        super().__init__()
        if maps < 1:
            raise ValueError(f"maps is {maps}: give the number of maps of each head, 1 or more")
        self.loss, self.maps = known_pixels_loss(loss), maps

    @property
    def terms(self) -> dict[str, Tensor]:
        """What the loss tells of its parts, over all heads."""
        terms: dict[str, Tensor] = getattr(self.loss, "terms", {})
        return terms

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the mean of the heads' losses.

        Shapes:
            output: (b, heads * maps, h, w), the maps of one head after those of the other.
            target: (b, t, h, w), what each head's should be.
        """
        heads, rest = divmod(output.shape[1], self.maps)
        if rest or not heads:
            raise ValueError(
                f"the network puts out {output.shape[1]} maps, no multiple of the loss' maps {self.maps}: "
                "let out_channels of the network and maps of the loss agree"
            )
        maps = output.as_subclass(Tensor).unflatten(1, (heads, self.maps)).flatten(0, 1)
        judged: Tensor = self.loss(maps, target.as_subclass(Tensor).repeat_interleave(heads, dim=0))
        return judged
