"""A data set whose random transforms are seeded anew for each draw, whichever process makes it."""

from __future__ import annotations

from typing import Any

from monai.data import Dataset
from monai.data.utils import set_rnd
from torch.utils.data import Dataset as TorchDataset

__all__ = ["SeededDraws"]


class SeededDraws(TorchDataset[Any]):
    """Takes what `CropSampler` draws, the number of an item and a seed, and gives the item drawn with it.

    A worker of a data loader has copies of the random transforms, whose generators would go on from whatever
    that worker has made before. With the seed beside the number nothing hangs on how many workers there are,
    or whether they are new in this epoch. Only MONAI's random transforms are seeded, none of the generators
    that the network draws from.

    Args:
        dataset: the data set, with MONAI's transforms.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: tuple[int, int]) -> Any:
        number, seed = draw
        set_rnd(self.dataset.transform, seed)
        return self.dataset[number]
