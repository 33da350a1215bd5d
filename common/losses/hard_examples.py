"""Online hard example mining: the cross-entropy of each image's hardest pixels alone, and Dice beside it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

from .unknown import SURE, without_unknown

FRACTION = 6000 / 65536  # the paper's 6000 pixels of a 256 x 256 crop


def check_fraction(fraction: float | int) -> float:
    """Return the fraction of pixels that count as hard, if it is one.

    Raises:
        ValueError: it is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"the fraction of hard pixels must be above 0 and at most 1, not {fraction}")
    return float(fraction)


class HardFraction(nn.Module):
    """Fraction of pixels that count as hard: all of them at first, then fewer, then the wanted fraction.

    Called once a training step. Only calls with gradients count and are warmed up: the loss of validation is
    that of the wanted fraction from the first epoch on, so that epochs can be compared. The way down is
    linear, because small fractions are what does not converge. What was counted is the module's state.

    Args:
        fraction: where it ends, above 0 and at most 1.
        warmup_steps: training steps until there; 0: there at once.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> fraction = HardFraction(0.2, warmup_steps=4)
        >>> [round(fraction(), 6) for _ in range(6)]
        [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]
    """

    steps: Tensor

    def __init__(self, fraction: float | int = FRACTION, *, warmup_steps: int = 0) -> None:
        super().__init__()
        self.fraction = check_fraction(fraction)
        if not warmup_steps >= 0 or warmup_steps % 1:
            raise ValueError(
                f"the fraction's warm-up must be a whole number of steps of at least 0, not {warmup_steps}"
            )
        self.warmup_steps = int(warmup_steps)
        # Without a warm-up there is nothing that a checkpoint must hold.
        self.register_buffer("steps", torch.tensor(0), persistent=self.warmup_steps > 0)

    def forward(self) -> float:
        """Return the fraction of this step."""
        if not self.training or not torch.is_grad_enabled():
            return self.fraction
        done = int(self.steps)
        if done >= self.warmup_steps:
            return self.fraction
        self.steps += 1
        return 1 - (1 - self.fraction) * done / self.warmup_steps


def hard_example_bce(
    logits: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b c h w"],
    *,
    fraction: float = FRACTION,
    weight: Float[Tensor, "b c h w"] | None = None,
) -> Float[Tensor, ""]:
    """Return the binary cross-entropy of the hardest pixels, averaged over them and over the images.

    Every image has its own hardest pixels, so that an image's gradient does not depend on its neighbours in
    the batch. The other pixels have no gradient.

    Args:
        logits: maps before the sigmoid.
        target: what their sigmoids should be.
        fraction: part of an image's values that counts, above 0; at least one value does. 1: the mean of all.
        weight: factor of every pixel's cross-entropy, before the hardest are chosen.

    Shapes:
        logits: (b, c, h, w), real values.
        target: (b, c, h, w), 0..1.
        weight: (b, c, h, w), 0 or more.

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
        return functional.binary_cross_entropy_with_logits(logits, target, weight=weight)
    each = functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="none")
    each = each.flatten(1)
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
        warmup_steps: training steps in which the fraction goes from 1 down to `fraction`; 0: none.

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

    takes_unknown = True

    def __init__(
        self,
        *,
        channel: int = 0,
        fraction: float | int = FRACTION,
        hard_weight: float | int = 1.0,
        dice_weight: float | int = 1.0,
        warmup_steps: int = 0,
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
        self.fraction = HardFraction(fraction, warmup_steps=warmup_steps)
        self.dice = DiceLoss(sigmoid=True)
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32 (float64 for a float64 output).

        Shapes:
            output: (b, k, h, w), logits; any floating type.
            target: (b, t, h, w), the judged channel in {0, 1}, NaN where nothing is known.
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
            logits, truth = without_unknown(logits, truth, otherwise=SURE)
            terms = {}
            if self.weights["dice"]:
                terms["dice"] = self.dice(logits, truth)
            if self.weights["hard"]:
                terms["hard"] = hard_example_bce(logits, truth, fraction=self.fraction())
            total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        self.terms = {name: value.detach() for name, value in terms.items()} | {"total": total.detach()}
        return total
