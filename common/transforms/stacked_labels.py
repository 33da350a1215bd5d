"""Several label maps of one image, nuclei and whole cells -> one of as many planes, which move together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from torch import Tensor


class StackLabelsd(MapTransform):
    """Put the label maps of an item into the first one's place, plane after plane; others are taken out.

    What is done to the label map afterwards (resizing, cropping, turning) is done to all alike. Of one label
    map nothing changes.

    Args:
        keys: label maps of one size, nuclei first.
        allow_missing_keys: skip absent keys.

    Shapes:
        label maps: (1, h, w) each; the first becomes (n, h, w).
    """

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Stack them."""
        d = dict(data)
        first, *others = self.key_iterator(d)
        if others:
            planes = [torch.as_tensor(d[key]).as_subclass(Tensor) for key in (first, *others)]
            d[first] = convert_to_dst_type(torch.cat(planes), d[first], dtype=planes[0].dtype)[0]
            for key in others:
                del d[key]
        return d
