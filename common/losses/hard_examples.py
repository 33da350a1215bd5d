"""Online hard example mining: the cross-entropy of each image's hardest pixels alone, and Dice beside it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

FRACTION = 6000 / 65536  # the paper's 6000 pixels of a 256 x 256 crop


def check_fraction(fraction: float | int) -> float:
    """Return the fraction of pixels that count as hard, if it is one.

    Raises:
        ValueError: it is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"the fraction of hard pixels must be above 0 and at most 1, not {fraction}")
    return float(fraction)


def hard_example_bce(
    logits: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], *, fraction: float = FRACTION
) -> Float[Tensor, ""]:
    """Return the binary cross-entropy of the hardest pixels, averaged over them and over the images.

    Every image has its own hardest pixels, so that an image's gradient does not depend on its neighbours in
    the batch. The other pixels have no gradient.

    Args:
        logits: maps before the sigmoid.
        target: what their sigmoids should be.
        fraction: part of an image's values that counts, above 0; at least one value does. 1: the mean of all.

    Shapes:
        logits: (b, c, h, w), real values.
        target: (b, c, h, w), 0..1.

    Raises:
        ValueError: the fraction is out of range.

    References:
        Beker, Wei and Zhang, Cell nuclei segmentation in 2D fluorescence microscopy images, section II.5;
        Shrivastava et al., Training region-based object detectors with online hard example mining, CVPR 2016.

    Example:
        >>> logits = torch.tensor([9.0, -9.0, 0.0, 5.0]).reshape(1, 1, 2, 2)
        >>> hardest = hard_example_bce(logits, (logits >= 0).float(), fraction=0.25)
        >>> bool(torch.isclose(hardest, torch.tensor(2.0).log()))
        True
    """
    fraction = check_fraction(fraction)
    if fraction == 1:
        return functional.binary_cross_entropy_with_logits(logits, target)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(1)
    count = max(1, round(fraction * each.shape[1]))
    return each.topk(count, dim=1, sorted=False).values.mean()


class HardExamplesLoss(nn.Module):
    """Dice over all pixels plus the cross-entropy of the hardest ones.

    `dice_weight * Dice + hard_weight * mean over images of the hardest pixels' BCE`

    The hardest pixels change at every step: alone they give updates that undo each other, and a small
    fraction does not converge. Dice holds the rest in place. After a call `terms` holds the last "dice",
    "hard" and "total", as detached scalars before weighting, for a handler to log.

    Args:
        channel: number of the channel that is judged, in the output and in the target.
        fraction: part of an image's pixels that counts as hard.
        hard_weight: weight of their cross-entropy; 0: Dice alone.
        dice_weight: weight of Dice; 0: hard pixels alone, which with `fraction=1` is plain cross-entropy.

    Raises:
        ValueError: an option is out of range, or a tensor lacks the channel.

    References:
        Beker, Wei and Zhang, Cell nuclei segmentation in 2D fluorescence microscopy images, section II.5 and
        Table I.

    Example:
        >>> target = torch.zeros(1, 1, 8, 8)
        >>> target[..., 2:6, 2:6] = 1
        >>> round(float(HardExamplesLoss()(target * 200 - 100, target)), 4)
        0.0
    """

    def __init__(
        self,
        *,
        channel: int = 0,
        fraction: float | int = FRACTION,
        hard_weight: float | int = 1.0,
        dice_weight: float | int = 1.0,
    ) -> None:
        super().__init__()
        if channel < 0:
            raise ValueError(f"channel {channel} must be 0 or more")
        self.weights = {"dice": dice_weight, "hard": hard_weight}
        for name, weight in self.weights.items():
            if weight < 0:
                raise ValueError(f"{name}_weight {weight} must be 0 or more")
        if not any(self.weights.values()):
            raise ValueError("no loss is left: dice_weight and hard_weight are both 0")
        self.channel = channel
        self.fraction = check_fraction(fraction)
        self.dice = DiceLoss(sigmoid=True)
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32 (float64 for a float64 output).

        Shapes:
            output: (b, k, h, w), logits; any floating type.
            target: (b, t, h, w), the judged channel in {0, 1}.
        """
        for name, tensor in (("output", output), ("target", target)):
            if self.channel >= tensor.shape[1]:
                raise ValueError(
                    f"the {name} has {tensor.shape[1]} channels: it lacks channel {self.channel}"
                )
        # Sums over many pixels and the sigmoid's tails do not fit into half precision.
        with torch.autocast(output.device.type, enabled=False):
            logits = output.as_subclass(Tensor)[:, self.channel : self.channel + 1]
            logits = logits if logits.dtype == torch.float64 else logits.float()
            truth = target.as_subclass(Tensor)[:, self.channel : self.channel + 1].to(logits)
            terms = {}
            if self.weights["dice"]:
                terms["dice"] = self.dice(logits, truth)
            if self.weights["hard"]:
                terms["hard"] = hard_example_bce(logits, truth, fraction=self.fraction)
            total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        self.terms = {name: value.detach() for name, value in terms.items()} | {"total": total.detach()}
        return total
