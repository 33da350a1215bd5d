"""Decoding as a step of a MONAI pipeline: maps -> label map and foreground probability beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform


class DecodeMapsd(MapTransform):
    """Add the label map and the foreground's probability to an item that has a network's maps.

    Args:
        keys: the network's maps.
        decoder: maps (k, h, w) -> label map (h, w), or label maps (2, h, w) of nuclei and cells.
        foreground: channel of the foreground's logit.
        label_key: where the label map goes.
        foreground_key: where the probability goes.
        allow_missing_keys: skip absent keys.

    Shapes:
        maps: (k, h, w).
        label map: (1, h, w) int32, or (2, h, w) of nuclei and cells. foreground: (1, h, w) float32 in [0, 1].

    Raises:
        ValueError: the maps hold infinity or what is no number, of which decoders make no nuclei, or crash.
    """

    def __init__(
        self,
        keys: KeysCollection,
        decoder: Callable[[np.ndarray], np.ndarray],
        *,
        foreground: int = 0,
        label_key: str = "pred_map",
        foreground_key: str = "foreground",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.decoder, self.foreground = decoder, foreground
        self.label_key, self.foreground_key = label_key, foreground_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Decode."""
        d = dict(data)
        for key in self.key_iterator(d):
            maps = torch.as_tensor(d[key]).detach().float().cpu().numpy()
            # The extremes are not finite where any value is not, and take no memory of the maps' size.
            if not np.isfinite([maps.min(), maps.max()]).all():
                raise ValueError(
                    f"the network's maps of {_file_of(d, key)} are not all finite: try --amp False; if that "
                    "does not help, the weights are spoilt"
                )
            labels = self.decoder(maps).astype(np.int32)
            d[self.label_key] = torch.from_numpy(labels.reshape(-1, *maps.shape[1:]))
            d[self.foreground_key] = torch.sigmoid(torch.from_numpy(maps[self.foreground][None]))
        return d


def _file_of(item: Mapping[Hashable, Any], key: Hashable) -> str:
    """Return the file of the maps, else of the image or whatever else names one."""
    for value in (item[key], item.get("image"), *item.values()):
        file = getattr(value, "meta", {}).get("filename_or_obj")
        if isinstance(file, (str, os.PathLike)):
            return os.fspath(file)
    return "the image"
