"""Which images an epoch's crops come from, spread over data sets and sizes, and the seed of each crop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from ..readers import probe


class CropSampler(Sampler[tuple[int, int]]):
    """Draw image numbers: each data set equally often, inside it large images more often than small ones.

    An epoch is a number of steps, whatever the size of the data set, as in StarDist and nnU-Net: epochs,
    warm-up and patience then mean the same on 6 images as on 6,000. With each number
    comes a seed for the random transforms (see `SeededDraws`), which follows from the training's seed, the
    epoch and the place in it.

    Args:
        items: data list whose images' headers are read; "dataset" says which data set an image belongs to.
        crops_per_epoch: how many draws an epoch has.
        area_power: 0 draws every image equally often, 1 every pixel; 0.5 lies between, because a large image
            has more to show but not proportionally more.
        dataset_power: 0 draws every data set equally often, 1 by its size (the sum of its images' weights),
            as if all images were of one data set.
        seed: of the draws; epochs differ.

    Raises:
        ValueError: the list is empty.
    """

    def __init__(
        self,
        items: Sequence[dict[str, Any]],
        crops_per_epoch: int,
        *,
        area_power: float = 0.5,
        dataset_power: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not items:
            raise ValueError("there are no images to draw crops from: the training list is empty")
        areas = np.array([np.prod(probe(item["image"]).shape[1:]) for item in items], float)
        weights = areas**area_power
        datasets = [item.get("dataset", "") for item in items]
        _, numbers = np.unique(datasets, return_inverse=True)
        sizes = np.bincount(numbers, weights=weights)
        weights = weights / sizes[numbers] * sizes[numbers] ** dataset_power
        self.probabilities = weights / weights.sum()
        self.crops_per_epoch, self.seed, self.epoch = int(crops_per_epoch), seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass that of an epoch, so that a continued training draws as an unbroken one.

        Args:
            epoch: number of epochs that are over.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        return self.crops_per_epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        numbers = rng.choice(len(self.probabilities), self.crops_per_epoch, p=self.probabilities)
        seeds = rng.integers(2**32, size=self.crops_per_epoch)
        return iter(list(zip(numbers.tolist(), seeds.tolist(), strict=True)))
