"""Smooth truncated loss: a cross-entropy that gives up pixels far from their label: most are mislabelled."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

from .map_groups import check_channel
from .unknown import SURE, without_unknown


def smooth_truncated_bce(
    logits: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], *, gamma: float = 0.2
) -> Float[Tensor, "b c h w"]:
    """Return each pixel's loss: cross-entropy, and a parabola where the true class seems improbable.

    `-log(p)` for p > gamma, else `-log(gamma) + (1 - p^2 / gamma^2) / 2`: value and slope go on without a
    step, but a pixel with p near 0, most likely labelled wrong, costs at most `1/2 - log(gamma)` and is
    hardly learnt from.

    Args:
        logits: of the foreground.
        target: 0 or 1.
        gamma: probability of the true class below which a pixel's part shrinks; above 0, below 1.

    Shapes:
        logits, target, output: (b, c, h, w).

    References:
        Zhou et al., CIA-Net, IPMI 2019; the formula and gamma 0.2 are those of public code after it.

    Example:
        >>> logits, target = torch.tensor([[[[0.0, -1e4]]]]), torch.ones(1, 1, 1, 2)
        >>> [round(float(x), 3) for x in smooth_truncated_bce(logits, target, gamma=0.2).flatten()]
        [0.693, 2.109]
    """
    signed = torch.where(target > 0.5, logits, -logits)  # logit of the true class
    ratio = torch.sigmoid(signed).clamp(max=gamma) / gamma
    parabola = -math.log(gamma) + (1 - ratio * ratio) / 2
    return torch.where(signed > math.log(gamma / (1 - gamma)), functional.softplus(-signed), parabola)


class SmoothTruncatedLoss(nn.Module):
    """Smooth truncated cross-entropy of the nuclei, and Dice of their contours.

    Contours are few pixels, of which Dice makes as much as of the rest. After a call `terms` holds the last
    value of each term before weighting, and "total", as detached scalars, for a handler to log.

    Args:
        nuclei: channel of the nuclei in output and target.
        contour: channel of the contours.
        gamma: see `smooth_truncated_bce`.
        contour_weight: of the contours' Dice.

    Raises:
        ValueError: an option is out of range, or a tensor lacks a named channel.

    References:
        Zhou et al., CIA-Net, IPMI 2019. The weights of its terms could not be looked up.

    Example:
        >>> loss = SmoothTruncatedLoss()
        >>> target = torch.zeros(1, 2, 8, 8)
        >>> target[..., 2:6, 2:6] = 1
        >>> round(float(loss(target * 200 - 100, target)), 4), sorted(loss.terms)
        (0.0, ['contour', 'nuclei', 'total'])
    """

    takes_unknown = True

    def __init__(
        self,
        *,
        nuclei: int = 0,
        contour: int = 1,
        gamma: float | int = 0.2,
        contour_weight: float | int = 1.0,
    ) -> None:
        super().__init__()
        if not 0 < gamma < 1:
            raise ValueError(f"gamma is {gamma}: choose a probability between 0 and 1, such as 0.2")
        if nuclei == contour or min(nuclei, contour) < 0:
            raise ValueError(f"nuclei {nuclei} and contour {contour} must be two channels, 0 or more")
        if contour_weight < 0:
            raise ValueError(f"contour_weight is {contour_weight}: choose 0 or more")
        self.nuclei, self.contour = nuclei, contour
        self.gamma, self.contour_weight = gamma, contour_weight
        self.dice = DiceLoss(sigmoid=True)
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32 (float64 for a float64 output).

        Shapes:
            output: (b, k, h, w), logits.
            target: (b, t, h, w), 0 or 1, NaN where nothing is known.
        """
        last = max(self.nuclei, self.contour)
        check_channel(last, output=output, target=target)
        with torch.autocast(output.device.type, enabled=False):
            maps = output.as_subclass(Tensor)
            maps = maps if maps.dtype == torch.float64 else maps.float()
            maps, truth = without_unknown(
                maps[:, : last + 1], target.as_subclass(Tensor)[:, : last + 1].to(maps), otherwise=SURE
            )
            of_nuclei, of_contours = (slice(n, n + 1) for n in (self.nuclei, self.contour))
            nuclei = smooth_truncated_bce(maps[:, of_nuclei], truth[:, of_nuclei], gamma=self.gamma).mean()
            contour = self.dice(maps[:, of_contours], truth[:, of_contours])
            total = nuclei + self.contour_weight * contour
        terms = {"nuclei": nuclei, "contour": contour, "total": total}
        self.terms = {name: value.detach() for name, value in terms.items()}
        return total
