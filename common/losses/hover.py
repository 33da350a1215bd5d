"""HoVer-Net's loss of nuclei, horizontal and vertical maps: MONAI's, on one tensor of maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from monai.apps.pathology.losses import HoVerNetLoss
from monai.utils import HoVerNetBranch
from torch import Tensor, nn

from .map_groups import check_channel, pick
from .unknown import SURE, without_unknown


class HoVerMapsLoss(nn.Module):
    """Dice and cross-entropy of the nuclei, square error of both maps and, inside nuclei, of their slopes.

    Computed by MONAI's `HoVerNetLoss`, which wants a map of the background too: a logit and 0 beside it are
    that. Where a target is NaN nothing is known, and the output is not judged.

    Args:
        foreground: channel of the foreground's logit, in output and target.
        vectors: channels of the horizontal and the vertical map.
        dice_weight: of the nuclei's Dice.
        cross_entropy_weight: of their cross-entropy.
        map_weight: of the maps' square error.
        slope_weight: of the square error of their slopes.

    Raises:
        ValueError: a weight is negative, or a tensor lacks a named channel.

    References:
        Graham et al., HoVer-Net, Medical Image Analysis, 2019.

    Example:
        >>> loss = HoVerMapsLoss()
        >>> target = torch.zeros(1, 3, 16, 16)
        >>> target[:, 0, 4:12, 4:12] = 1
        >>> target[:, 1, 4:12, 4:12] = torch.linspace(-1, 1, 8)
        >>> target[:, 2, 4:12, 4:12] = torch.linspace(-1, 1, 8)[:, None]
        >>> perfect = torch.cat([target[:, :1] * 200 - 100, target[:, 1:]], dim=1)
        >>> float(loss(perfect, target)) < 1e-3 < float(loss(perfect.flip(-1), target))
        True
    """

    takes_unknown = True

    def __init__(
        self,
        *,
        foreground: int = 0,
        vectors: Sequence[int] = (1, 2),
        dice_weight: float | int = 1.0,
        cross_entropy_weight: float | int = 1.0,
        map_weight: float | int = 2.0,
        slope_weight: float | int = 1.0,
    ) -> None:
        super().__init__()
        weights = {
            "lambda_np_dice": dice_weight,
            "lambda_np_ce": cross_entropy_weight,
            "lambda_hv_mse": map_weight,
            "lambda_hv_mse_grad": slope_weight,
        }
        if min(weights.values()) < 0:
            raise ValueError(f"a weight of the loss is {min(weights.values())}: choose 0 or more")
        if len(vectors) != 2:
            raise ValueError(f"vectors are {list(vectors)}: name the horizontal and the vertical channel")
        self.foreground, self.vectors = foreground, list(vectors)
        self.loss = HoVerNetLoss(**weights)

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32.

        Shapes:
            output: (b, k, h, w), a logit and two maps.
            target: (b, t, h, w), 0 or 1, and -1..1; NaN where nothing is known.
        """
        check_channel(max(self.foreground, *self.vectors), output=output, target=target)
        with torch.autocast(output.device.type, enabled=False):
            maps, truth = output.as_subclass(Tensor).float(), target.as_subclass(Tensor).float()
            logit, nuclei = without_unknown(
                pick(maps, [self.foreground]), pick(truth, [self.foreground]), otherwise=SURE
            )
            vectors, ways = without_unknown(pick(maps, self.vectors), pick(truth, self.vectors), otherwise=0)
            branches = HoVerNetBranch.NP.value, HoVerNetBranch.HV.value
            said = (torch.cat([torch.zeros_like(logit), logit], dim=1), vectors)
            true = (torch.cat([1 - nuclei, nuclei], dim=1), ways)
            total: Tensor = self.loss(
                dict(zip(branches, said, strict=True)), dict(zip(branches, true, strict=True))
            )
        return total
