"""What is drawn hangs on the draw alone: on no worker, and on nothing that was drawn before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, Dataset
from monai.transforms import Compose, MapTransform, RandFlipd, RandGaussianNoised, RandSpatialCropd

from common.datalists import CropSampler, SeededDraws


class Made(MapTransform):
    """Makes an image of a number, and counts how often."""

    def __init__(self) -> None:
        super().__init__("image")
        self.count = 0

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        return {
            "image": torch.full((1, 16, 16), float(data["image"])) + torch.arange(16.0),
            "made": self.count,
        }


def dataset(kind: type[Dataset] = Dataset, **options: Any) -> Dataset:
    random = [
        RandSpatialCropd("image", roi_size=[8, 8], random_size=False),
        Compose([RandFlipd("image", prob=0.5), RandGaussianNoised("image", prob=0.7)]),
    ]
    return kind([{"image": number} for number in range(5)], Compose([Made(), *random]), **options)


class Sampler(CropSampler):
    """Draws without files."""

    def __init__(self, count: int, *, seed: int = 0) -> None:
        self.probabilities = np.full(5, 0.2)
        self.crops_per_epoch, self.seed, self.epoch = count, seed, 0


def batches(workers: int, *, first_epoch: int = 0, **options: Any) -> list[torch.Tensor]:
    loader = DataLoader(
        SeededDraws(dataset(**options)),
        num_workers=workers,
        sampler=(sampler := Sampler(8)),
        batch_size=3,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
    )
    found = []
    for epoch in range(first_epoch, 2):
        sampler.set_epoch(epoch)
        found += [torch.as_tensor(batch["image"]) for batch in loader]
    return found


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # of more than there are cores
@pytest.mark.parametrize("cached", [0, 3, 5])
@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same(workers: int, cached: int) -> None:
    alone = batches(0)
    options = {"kind": CacheDataset, "cache_num": cached, "progress": False} if cached else {}
    found = batches(workers, **options)
    assert len(found) == len(alone) == 6
    assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))
    assert not torch.equal(found[0], found[3])  # epochs differ


def test_a_later_epoch_needs_no_earlier_one() -> None:
    assert all(
        torch.equal(one, other) for one, other in zip(batches(0, first_epoch=1), batches(0)[3:], strict=True)
    )


def test_the_cache_holds_in_workers_that_persist() -> None:
    cached = dataset(CacheDataset, cache_num=5, progress=False)
    loader = DataLoader(
        SeededDraws(cached), num_workers=2, sampler=Sampler(12), batch_size=1, persistent_workers=True
    )
    # What was made before the workers began was made once, in the order of the list.
    made = {int(batch["made"]) for _ in range(2) for batch in loader}
    assert made <= set(range(1, 6)) and len(made) > 1


def test_the_network_s_own_draws_stay_as_they_are() -> None:
    draws = []
    for workers in (0, 1):
        torch.manual_seed(0)
        batches(workers)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)
