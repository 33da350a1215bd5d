"""Crops -> a batch, also of images that have different numbers of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.data import MetaTensor
from monai.data.utils import list_data_collate
from torch import Tensor
from torch.nn import functional

__all__ = ["batch_crops"]


def batch_crops(crops: Sequence[dict[str, Any]]) -> Any:
    """Batch crops as MONAI does, once images with fewer channels than others have empty ones for the rest.

    An empty channel, 0 throughout, is what `common.networks.ChannelNet` leaves out: it changes nothing. Other
    networks take one number of channels, and `RunData` refuses other images before.

    Args:
        crops: items of a data set, with "image" and whatever else they have, of equal heights and widths.

    Shapes:
        image: (c, h, w), any c; in the batch (b, highest c, h, w).

    Example:
        >>> import torch
        >>> one, three = torch.ones(1, 2, 2), torch.ones(3, 2, 2)
        >>> batch = batch_crops([{"image": one}, {"image": three}])
        >>> batch["image"].shape, batch["image"][0].sum(dim=(1, 2)).tolist()
        (torch.Size([2, 3, 2, 2]), [4.0, 0.0, 0.0])
    """
    most = max(len(crop["image"]) for crop in crops)
    filled = [
        crop if len(crop["image"]) == most else {**crop, "image": _filled(crop["image"], most)}
        for crop in crops
    ]
    return list_data_collate(filled)


def _filled(image: Tensor, channels: int) -> Tensor:
    lacking = channels - len(image)
    filled = functional.pad(image, (0, 0, 0, 0, 0, lacking))
    if isinstance(image, MetaTensor) and "channel_names" in image.meta:
        # The names are batched too, and have to be as many.
        names = (*image.meta["channel_names"], *[""] * lacking)
        return MetaTensor(filled, meta={**image.meta, "channel_names": names})
    return filled
