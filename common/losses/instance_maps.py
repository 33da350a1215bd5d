"""Loss of the multi-map head: Dice and curvature of the foreground, regression of distance and offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Shaped
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

from .curvature import CurvatureAlignmentLoss
from .hard_examples import HardFraction, hard_example_bce
from .map_groups import GROUPS, channel_numbers, pick
from .unknown import SURE, without_unknown

TERMS = {  # term of the loss -> the group of maps it judges
    "dice": "foreground",
    "bce": "foreground",
    "curvature": "foreground",
    "border": "border",
    "distance": "distance",
    "offsets": "offsets",
}
LOGITS = ("foreground", "border")  # groups whose maps pass a sigmoid
REGRESSIONS = ("smooth_l1", "mse")


def masked_regression(
    prediction: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b c h w"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    kind: str = "smooth_l1",
) -> Float[Tensor, ""]:
    """Return a regression's error, averaged over the pixels of a mask and the channels.

    Smooth L1 turns from square to straight at 0.1: an error of one pixel (0.1 units of 10 px), or of a tenth
    of a nucleus' depth, has the full gradient of L1. Where values lie between 0 and 1, the usual turning
    point of 1 would leave the square alone, and an error of 0.1 next to no weight.

    Outside the mask there is no gradient; an empty mask gives 0.

    Args:
        prediction: what the network says.
        target: what it should say.
        mask: 1 where it is asked.
        kind: "smooth_l1" or "mse".

    Shapes:
        prediction, target: (b, c, h, w), any real values.
        mask: (b, 1, h, w), 0 or 1.

    Example:
        >>> target, inside = torch.zeros(1, 2, 4, 4), torch.ones(1, 1, 4, 4)
        >>> [round(float(masked_regression(target + error, target, inside)), 3) for error in (0.1, 0.2, 1.1)]
        [0.05, 0.15, 1.05]
        >>> float(masked_regression(target + 9, target, torch.zeros(1, 1, 4, 4)))
        0.0
    """
    if kind == "mse":
        each = functional.mse_loss(prediction, target, reduction="none")
    else:
        each = functional.smooth_l1_loss(prediction, target, beta=0.1, reduction="none")
    return (each * mask).sum() / (mask.sum() * each.shape[1]).clamp(min=1)


class InstanceMapsLoss(nn.Module):
    """Weighted sum of one term per group of maps; output and target carry the groups in the same channels.

    `alpha * Dice(foreground) + bce_weight * BCE(foreground) + beta * CAL(foreground) + border_weight *
    BCE(border) + distance_weight * regression(distance) + offset_weight * smooth L1(offsets inside nuclei)`

    Both regressions turn from square to straight at 0.1, see `masked_regression`.

    Foreground and border channels of the output are logits; distance and offsets are compared as they are.
    Where a target is NaN nothing is known, as beyond the image's edge, and no term judges the output. A term
    of weight 0, or of an absent group, is not computed. After a call `terms` holds the last value of every
    computed term before weighting, and "total", as detached scalars, for a handler to log.

    Args:
        channels: group -> channel number(s), in the network's output and in the target: `foreground`,
            `border`, `distance` (one each) and `offsets` (row, column). None or left out = absent. Only
            offsets need another group, the foreground, because they are defined inside nuclei alone.
        target_channels: the same for the target where its order differs; None: as `channels`.
        alpha: weight of Dice on the foreground.
        beta: weight of the curvature alignment loss on the foreground.
        bce_weight: weight of the foreground's binary cross-entropy.
        pixel_weight_channel: channel of the target by which each pixel's cross-entropy is multiplied.
        hard_fraction: part of each image's pixels, those with the largest cross-entropy, over which that term
            is averaged; 1: all of them.
        hard_warmup_steps: training steps in which that part goes from 1 down to `hard_fraction`; 0: none.
        border_weight: weight of the border's binary cross-entropy.
        distance_weight: weight of the distance map's regression.
        distance_background: share, 0 to 1, of the background's mean error in that term; the rest is the mean
            inside nuclei, where the target is above 0. So neither depends on how much of a crop is covered.
            0: nuclei alone; then nothing teaches the map to fall in the gaps between them.
        offset_weight: weight of the offsets' smooth L1, averaged over the foreground pixels of the target.
        distance_loss: "smooth_l1" or "mse".
        batch_dice: one Dice over the whole batch instead of one an image: calmer where crops may lack nuclei.
        curvature: the curvature term; None: `CurvatureAlignmentLoss(curvature_mode)`. It gets probabilities,
            or logits where it has `from_logits`.
        curvature_mode: "level_set" or "contour", see `CurvatureAlignmentLoss`; None: "level_set". Not beside
            `curvature`, which has a mode of its own.

    Raises:
        ValueError: an option is out of range, `channels` is inconsistent, or a tensor lacks a named channel.

    References:
        Mohammed et al., LoGSAGE, 2025, Eq. 3 (alpha * Dice + beta * CAL). The other terms are this project's.

    Example:
        >>> loss = InstanceMapsLoss({"foreground": 0, "distance": 1}, beta=0)
        >>> target = torch.zeros(1, 2, 8, 8)
        >>> target[..., 2:6, 2:6] = 1
        >>> maps = torch.stack([target[:, 0] * 200 - 100, target[:, 1]], dim=1)
        >>> round(float(loss(maps, target)), 4), sorted(loss.terms)
        (0.0, ['dice', 'distance', 'total'])
    """

    takes_unknown = True

    def __init__(
        self,
        channels: Mapping[str, int | Sequence[int] | None],
        *,
        target_channels: Mapping[str, int | Sequence[int] | None] | None = None,
        alpha: float | int = 1.0,
        beta: float | int = 0.5,
        bce_weight: float | int = 0.0,
        pixel_weight_channel: int | None = None,
        hard_fraction: float | int = 1.0,
        hard_warmup_steps: int = 0,
        border_weight: float | int = 1.0,
        distance_weight: float | int = 1.0,
        distance_background: float | int = 0.5,
        offset_weight: float | int = 1.0,
        distance_loss: str = "smooth_l1",
        batch_dice: bool = False,
        curvature: CurvatureAlignmentLoss | None = None,
        curvature_mode: str | None = None,
    ) -> None:
        super().__init__()
        self.channels = channel_numbers(channels)
        self.target_channels = self.channels if target_channels is None else channel_numbers(target_channels)
        if not self.channels:
            raise ValueError(f"channels names no map: give at least one of {', '.join(GROUPS)}")
        if missing := set(self.channels) - set(self.target_channels):
            raise ValueError(f"target_channels lacks {', '.join(sorted(missing))}, which channels has")
        if "offsets" in self.channels and "foreground" not in self.target_channels:
            raise ValueError(
                "offsets are learnt inside nuclei only: name the foreground channel of the target too"
            )
        if distance_loss not in REGRESSIONS:
            raise ValueError(
                f"distance_loss {distance_loss!r} is unknown: choose one of {', '.join(REGRESSIONS)}"
            )
        if not 0 <= distance_background <= 1:
            raise ValueError(f"distance_background is {distance_background}: choose a share from 0 to 1")
        weights = {
            "dice": alpha,
            "bce": bce_weight,
            "curvature": beta,
            "border": border_weight,
            "distance": distance_weight,
            "offsets": offset_weight,
        }
        for name, weight in weights.items():
            if weight < 0:
                raise ValueError(f"the weight {weight} of the loss term {name!r} must be 0 or more")
        self.weights = {n: weight for n, weight in weights.items() if weight and TERMS[n] in self.channels}
        if not self.weights:
            raise ValueError(f"no loss is left: every weight of the groups {list(self.channels)} is 0")
        self.pixel_weight = None if pixel_weight_channel is None else int(pixel_weight_channel)
        used = {number for numbers in self.target_channels.values() for number in numbers}
        if self.pixel_weight is not None and (self.pixel_weight < 0 or self.pixel_weight in used):
            raise ValueError(f"pixel_weight_channel {pixel_weight_channel} must be a channel of its own")
        self.distance_loss, self.distance_background = distance_loss, distance_background
        self.hard_fraction = HardFraction(hard_fraction, warmup_steps=hard_warmup_steps)
        self.dice = DiceLoss(sigmoid=True, batch=batch_dice)
        if curvature is not None and curvature_mode is not None:
            raise ValueError(
                f"curvature_mode {curvature_mode!r} would be ignored: set the mode of `curvature`"
            )
        self.curvature = curvature or CurvatureAlignmentLoss(curvature_mode or "level_set")
        self.terms: dict[str, Tensor] = {}

    def forward(
        self, output: Float[Tensor, "b k h w"], target: Shaped[Tensor, "b t h w"]
    ) -> Float[Tensor, ""]:
        """Return the weighted sum, a scalar in float32 (float64 for a float64 output).

        Shapes:
            output: (b, k, h, w), logits for foreground and border, else real values; any floating type.
            target: (b, t, h, w), foreground and border in {0, 1}, distance and offsets in the units to be
                learnt, pixel weights 0 or more.
        """
        self._check(output, target)
        with torch.autocast(output.device.type, enabled=False):
            maps = output.as_subclass(Tensor)
            maps = maps if maps.dtype == torch.float64 else maps.float()
            truth = target.as_subclass(Tensor).to(maps)
            terms = self._terms(maps, truth)
            total = torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()
        self.terms = {name: value.detach() for name, value in terms.items()} | {"total": total.detach()}
        return total

    def _terms(self, maps: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return every term that has a weight, before weighting."""
        out = {group: pick(maps, numbers) for group, numbers in self.channels.items()}
        true = {group: pick(truth, numbers) for group, numbers in self.target_channels.items()}
        for group, maps_of_group in true.items():
            otherwise = SURE if group in LOGITS else 0.0
            out[group], true[group] = without_unknown(
                out.get(group, maps_of_group), maps_of_group, otherwise=otherwise
            )
        weight = None if self.pixel_weight is None else pick(truth, [self.pixel_weight])
        terms: dict[str, Tensor] = {}
        for name in self.weights:
            group = TERMS[name]
            if name == "dice":
                terms[name] = self.dice(out[group], true[group])
            elif name == "curvature":
                field = out[group] if self.curvature.from_logits else torch.sigmoid(out[group])
                terms[name] = self.curvature(field, true[group])
            elif name == "bce":
                fraction = self.hard_fraction()
                terms[name] = hard_example_bce(out[group], true[group], fraction=fraction, weight=weight)
            elif name == "distance":
                terms[name] = self._distance(out[group], true[group])
            elif name == "offsets":
                terms[name] = masked_regression(out[group], true[group], true["foreground"])
            else:
                terms[name] = functional.binary_cross_entropy_with_logits(out[group], true[group])
        return terms

    def _distance(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the weighed mean of the distance map's error in nuclei and in the background."""
        inside = (target > 0).to(target)
        nuclei, background = (
            masked_regression(output, target, mask, kind=self.distance_loss) for mask in (inside, 1 - inside)
        )
        return torch.lerp(nuclei, background, self.distance_background)

    def _check(self, output: Tensor, target: Tensor) -> None:
        """Refuse tensors that lack a named channel or differ in size, before an index error says less."""
        if output.shape[0] != target.shape[0] or output.shape[2:] != target.shape[2:]:
            raise ValueError(
                f"output {tuple(output.shape)} and target {tuple(target.shape)} differ in batch or size"
            )
        weights = {} if self.pixel_weight is None else {"pixel weight": [self.pixel_weight]}
        for name, tensor, groups in (
            ("output", output, self.channels),
            ("target", target, self.target_channels | weights),
        ):
            last = max(number for numbers in groups.values() for number in numbers)
            if last >= tensor.shape[1]:
                raise ValueError(
                    f"the {name} has {tensor.shape[1]} channels, but channel {last} is named in {groups}: "
                    "let the network, the targets and the loss agree"
                )
