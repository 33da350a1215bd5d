"""What is known of whole nuclei before an image is cropped: their centres, and how deep their pixels lie."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from .instance_targets import CENTRES_KEY, DISTANCE_KEY, distance_map, erode_labels, nucleus_centres


class NucleusShapesd(MapTransform):
    """Add each nucleus' centre and the distance map of a whole image, for crops that cut nuclei.

    A crop shows a part of the nuclei at its edge. Their centre and their innermost pixel are known before it
    is cut out, and only then. Nuclei are numbered 1..N, so that the number finds the centre.

    Args:
        keys: the label map of a whole image.
        allow_missing_keys: skip absent keys.

    Shapes:
        label map: (1, h, w), any ids of 0 or more; becomes int32, 0..N.
        centres: (N + 1, 2) float32, see `nucleus_centres`.
        distance: (1, h, w) float32 in [0, 1], see `distance_map`.
    """

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add them."""
        d = dict(data)
        for key in self.key_iterator(d):
            given = np.rint(np.asarray(d[key])[0]).astype(np.int64)
            ids, label_map = np.unique(given, return_inverse=True)
            label_map = label_map.reshape(given.shape) + int(ids[0] != 0)
            d[CENTRES_KEY] = torch.from_numpy(nucleus_centres(label_map).astype(np.float32))
            d[DISTANCE_KEY] = torch.from_numpy(distance_map(erode_labels(label_map))[None])
            d[key] = convert_to_dst_type(label_map[None], d[key], dtype=np.int32)[0]
        return d
