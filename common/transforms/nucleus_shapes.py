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
    is cut out, and only then. Nuclei are numbered 1..N, so that the number finds the centre; where a second
    plane has whole cells they are numbered on from there, so that one table has all centres.

    Args:
        keys: the label map of a whole image.
        allow_missing_keys: skip absent keys.

    Shapes:
        label map: (k, h, w), any ids of 0 or more; becomes int32, 0..N, and N + 1..M in the second plane.
        centres: (M + 1, 2) float32, see `nucleus_centres`.
        distance: (k, h, w) float32 in [0, 1], see `distance_map`.
    """

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add them."""
        d = dict(data)
        for key in self.key_iterator(d):
            planes = [_numbered(plane) for plane in np.rint(np.asarray(d[key])).astype(np.int64)]
            centres = [nucleus_centres(plane).astype(np.float32) for plane in planes]
            distances = [distance_map(erode_labels(plane)) for plane in planes]
            before = np.cumsum([0, *(len(each) - 1 for each in centres[:-1])])
            label_map = np.stack([np.where(p > 0, p + n, 0) for p, n in zip(planes, before, strict=True)])
            d[CENTRES_KEY] = torch.from_numpy(
                np.concatenate([centres[0][:1], *(each[1:] for each in centres)])
            )
            d[DISTANCE_KEY] = torch.from_numpy(np.stack(distances))
            d[key] = convert_to_dst_type(label_map, d[key], dtype=np.int32)[0]
        return d


def _numbered(given: np.ndarray) -> np.ndarray:
    """Number nuclei from 1 without gaps."""
    ids, label_map = np.unique(given, return_inverse=True)
    numbered: np.ndarray = label_map.reshape(given.shape) + int(ids[0] != 0)
    return numbered
