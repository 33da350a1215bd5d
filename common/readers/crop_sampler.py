"""Which images the crops of an epoch come from: a fixed number of crops, large images more often than small ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from .image_file import probe


class CropSampler(Sampler[int]):
    """Draw image numbers with a probability that grows with the image's area.

    An epoch is a number of steps, whatever the size of the data set, as in StarDist and nnU-Net: epochs, warm-up and
    patience then mean the same on 6 images as on 6,000.

    Args:
        items: data list whose images' headers are read.
        crops_per_epoch: how many numbers an epoch has.
        area_power: 0 draws every image equally often, 1 every pixel; 0.5 lies between, because a large image has
            more to show but not proportionally more.
        seed: of the draws; epochs differ.

    Raises:
        ValueError: the list is empty.
    """

    def __init__(
        self, items: Sequence[dict[str, Any]], crops_per_epoch: int, *, area_power: float = 0.5, seed: int = 0
    ) -> None:
        if not items:
            raise ValueError("there are no images to draw crops from: the training list is empty")
        areas = np.array([np.prod(probe(item["image"]).shape[1:]) for item in items], float)
        weights = areas**area_power
        self.probabilities = weights / weights.sum()
        self.crops_per_epoch, self.seed, self.epoch = int(crops_per_epoch), seed, 0

    def __len__(self) -> int:
        return self.crops_per_epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        return iter(rng.choice(len(self.probabilities), self.crops_per_epoch, p=self.probabilities).tolist())
