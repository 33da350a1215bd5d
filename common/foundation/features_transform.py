"""The features of a whole image, before it is cropped and augmented."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

__all__ = ["FoundationFeaturesd"]


class FoundationFeaturesd(MapTransform):
    """Puts a foundation model's features beside the image.

    Where nothing random has come before, MONAI's CacheDataset keeps them with the image: a frozen model sees
    each image once, and its features are cropped and turned as the image is, see
    `common.transforms.RandAffineCropd`.

    Args:
        keys: the image.
        foundation: image -> features, such as `FrozenSAM`.
        features_key: where the features go.
        device: where the model runs; a data loader's worker, which cannot use the GPU, runs one of its own on
            the CPU, if it meets an image that nobody has seen before.
        allow_missing_keys: skip absent keys.

    Shapes:
        image: (c, h, w), about 0..1.
        features: (f, ceil(h / 16), ceil(w / 16)) float16, on the CPU.
    """

    def __init__(
        self,
        keys: KeysCollection,
        foundation: Callable[..., Tensor],
        *,
        features_key: str = "features",
        device: torch.device | str = "cpu",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.foundation, self.features_key, self.device = foundation, features_key, torch.device(device)
        self._of_worker: Callable[..., Tensor] | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the features."""
        d = dict(data)
        foundation, device = self._model()
        for key in self.key_iterator(d):
            image = torch.as_tensor(d[key]).as_subclass(Tensor).to(device)
            d[self.features_key] = foundation(image[None], keep=True)[0].cpu()
        return d

    def _model(self) -> tuple[Callable[..., Tensor], torch.device]:
        """Return the model, and where it runs."""
        if self.device.type == "cpu" or torch.utils.data.get_worker_info() is None:
            return self.foundation, self.device
        # Weights that lie on a GPU cannot be reached from a process that was forked.
        if self._of_worker is None:
            self._of_worker = pickle.loads(pickle.dumps(self.foundation))
        return self._of_worker, torch.device("cpu")
