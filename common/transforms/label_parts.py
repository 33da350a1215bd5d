"""Label maps after cropping and mirroring: every connected part becomes a nucleus of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from skimage.measure import label


class SplitLabelPartsd(MapTransform):
    """Number the connected parts of every label anew, 1..N.

    A crop cuts bent nuclei in two and padding by mirroring repeats them: parts of one number would share a
    centre that lies in neither.

    Args:
        keys: label maps.
        allow_missing_keys: skip absent keys.

    Shapes:
        label map: (1, h, w), 0 = background.
    """

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Renumber."""
        d = dict(data)
        for key in self.key_iterator(d):
            labels = np.rint(np.asarray(d[key])[0]).astype(np.int32)
            parts = label(labels, connectivity=1)[None].astype(np.int32)
            d[key] = convert_to_dst_type(parts, d[key], dtype=np.int32)[0]
        return d
