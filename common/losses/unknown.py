"""Targets that are not known, as beyond an image's edge: no loss judges what a network says there."""

from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor, nn

SURE = -30.0  # a logit whose probability is 0 to thirteen digits


def without_unknown(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], *, otherwise: float
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
    """Make prediction and target agree where the target is NaN: no error, no gradient there.

    Args:
        prediction: maps of a network.
        target: what they should be; NaN = not known.
        otherwise: what stands in the prediction's place, and agrees with a target of 0: 0 for a regression,
            `SURE` for a logit.

    Shapes:
        prediction, target: (b, c, h, w), any real values.
        returns: the same two, without NaN in the target.

    Example:
        >>> import torch
        >>> nan = float("nan")
        >>> maps, target = torch.ones(1, 1, 1, 2), torch.tensor([[[[1.0, nan]]]])
        >>> [found.flatten().tolist() for found in without_unknown(maps, target, otherwise=0)]
        [[1.0, 0.0], [1.0, 0.0]]
    """
    unknown = target.isnan()
    return prediction.masked_fill(unknown, otherwise), target.masked_fill(unknown, 0)


def known_pixels_loss(loss: nn.Module) -> nn.Module:
    """Return a loss for crops that reach beyond the image: itself if it knows of targets that are NaN.

    So MONAI's losses, and yours, can be written into a configuration as they are.

    Args:
        loss: a loss of logits, or one with `takes_unknown`.
    """
    return loss if getattr(loss, "takes_unknown", False) else KnownPixelsLoss(loss)


class KnownPixelsLoss(nn.Module):
    """Any loss of logits, where crops reach beyond the image: their targets are NaN there.

    Args:
        loss: takes logits and targets of one shape, and gives 0 where sure logits meet a target of 0.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b k h w"]) -> Tensor:
        """Return the loss over what is known.

        Shapes:
            output: (b, k, h, w), logits.
            target: (b, k, h, w), 0..1, NaN = not known.
        """
        known, truth = without_unknown(
            output.as_subclass(Tensor), target.as_subclass(Tensor).to(output.dtype), otherwise=SURE
        )
        found: Tensor = self.loss(known, truth)
        return found
