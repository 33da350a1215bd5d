"""Lovász hinge: a convex surrogate of 1 - IoU on logits, alone or beside cross-entropy."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from .map_groups import check_channel
from .unknown import SURE, without_unknown


def lovasz_hinge(logits: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Return the Lovász extension of 1 - IoU of the foreground at the pixels' hinge errors, mean of images.

    Each image's hinge errors, `1 - logit` in the foreground and `1 + logit` outside, are sorted from the
    largest on; each is weighed by what 1 - IoU grows when its pixel is counted as wrong after those before
    it. An image without foreground has its largest error as loss.

    Args:
        logits: of the foreground.
        target: 0 or 1.

    Shapes:
        logits, target: (b, c, h, w); all channels of an image are one set of pixels.

    References:
        Berman, Rannen Triki and Blaschko, The Lovász-softmax loss, CVPR 2018, Eq. 8 to 10 and algorithm 1.

    Example:
        >>> target = torch.zeros(1, 1, 1, 4)
        >>> target[..., :2] = 1
        >>> right = 2 * target - 1
        >>> wrong = right * torch.tensor([-1.0, 1, 1, -1])
        >>> float(lovasz_hinge(2 * right, target)), round(float(lovasz_hinge(wrong, target)) / 2, 4)
        (0.0, 0.6667)
    """
    if logits.numel() == 0:
        return logits.sum()
    errors = 1 - logits.flatten(1) * (2 * target.flatten(1) - 1)
    errors, order = errors.sort(dim=1, descending=True)
    truth = target.flatten(1).gather(1, order)
    total = truth.sum(dim=1, keepdim=True)
    jaccard = 1 - (total - truth.cumsum(dim=1)) / (total + (1 - truth).cumsum(dim=1))
    growth = torch.cat([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], dim=1)
    return (functional.relu(errors) * growth).sum(dim=1).mean()


class LovaszCrossEntropyLoss(nn.Module):
    """`share * Lovász hinge + (1 - share) * cross-entropy` of the foreground.

    After a call `terms` holds the last value of each term before weighting, and "total", as detached scalars,
    for a handler to log.

    Args:
        foreground: channel of the foreground in output and target; no other one is judged.
        share: of the Lovász hinge, 0 to 1.

    Raises:
        ValueError: the share is out of range, or a tensor lacks the channel.

    References:
        Kontarou and Fredj-Zadoun, Computationally efficient stain agnostic nuclei segmentation, 2025,
        section 2.5, with 0.7.

    Example:
        >>> loss = LovaszCrossEntropyLoss()
        >>> target = torch.zeros(1, 1, 8, 8)
        >>> target[..., 2:6, 2:6] = 1
        >>> round(float(loss(target * 200 - 100, target)), 4), sorted(loss.terms)
        (0.0, ['cross_entropy', 'lovasz', 'total'])
    """

    takes_unknown = True

    def __init__(self, *, foreground: int = 0, share: float | int = 0.7) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}: choose 0 to 1, such as 0.7")
        self.foreground, self.share = foreground, share
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32 (float64 for a float64 output).

        Shapes:
            output: (b, k, h, w), logits.
            target: (b, t, h, w), 0 or 1, NaN where nothing is known.
        """
        check_channel(self.foreground, output=output, target=target)
        here = slice(self.foreground, self.foreground + 1)
        with torch.autocast(output.device.type, enabled=False):
            maps = output.as_subclass(Tensor)[:, here]
            maps = maps if maps.dtype == torch.float64 else maps.float()
            # What is sure and right is sorted last and has no error: it does not count.
            maps, truth = without_unknown(maps, target.as_subclass(Tensor)[:, here].to(maps), otherwise=SURE)
            lovasz = lovasz_hinge(maps, truth)
            cross_entropy = functional.binary_cross_entropy_with_logits(maps, truth)
            total = self.share * lovasz + (1 - self.share) * cross_entropy
        terms = {"lovasz": lovasz, "cross_entropy": cross_entropy, "total": total}
        self.terms = {name: value.detach() for name, value in terms.items()}
        return total
