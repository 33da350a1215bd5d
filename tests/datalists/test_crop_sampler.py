"""Crops are drawn by the laws of areas and data sets, and a continued training draws as an unbroken one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.datalists import CropSampler

SIZES = {"A": [(10, 10), (20, 20), (40, 10)], "B": [(30, 30)]}


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, Any]]:
    """Three images of data set A, and one of B among them."""
    made = []
    for dataset, sizes in SIZES.items():
        for number, size in enumerate(sizes):
            path = tmp_path / f"{dataset}{number}.png"
            Image.fromarray(np.zeros(size, np.uint8)).save(path)
            made.append({"image": str(path), "dataset": dataset})
    return [made[0], made[3], made[1], made[2]]


def areas(items: list[dict[str, Any]]) -> np.ndarray:
    return np.array([np.prod(SIZES[Path(item["image"]).stem[0]][int(item["image"][-5])]) for item in items])


def epochs(sampler: CropSampler, count: int) -> list[list[tuple[int, int]]]:
    return [list(sampler) for _ in range(count)]


@pytest.mark.parametrize("area_power", [0, 0.5, 1, 2])
def test_inside_a_data_set_the_area_counts_by_its_power(items: list, area_power: float) -> None:
    chance = CropSampler(items, 1, area_power=area_power).probabilities
    inside = [number for number, item in enumerate(items) if item["dataset"] == "A"]
    weights = areas(items)[inside] ** area_power
    np.testing.assert_allclose(chance[inside] / chance[inside].sum(), weights / weights.sum())


@pytest.mark.parametrize("area_power", [0, 0.5, 1])
def test_data_sets_are_drawn_equally_often_by_default(items: list, area_power: float) -> None:
    chance = CropSampler(items, 1, area_power=area_power).probabilities
    for dataset in SIZES:
        assert sum(chance[n] for n, item in enumerate(items) if item["dataset"] == dataset) == pytest.approx(
            0.5
        )


@pytest.mark.parametrize("area_power", [0, 0.5, 1])
def test_by_size_means_as_one_data_set(items: list, area_power: float) -> None:
    together = [{"image": item["image"]} for item in items]  # MONAI Label's lists know no data set
    one = CropSampler(together, 1, area_power=area_power)
    by_size = CropSampler(items, 1, area_power=area_power, dataset_power=1)
    np.testing.assert_allclose(by_size.probabilities, one.probabilities)
    np.testing.assert_allclose(
        CropSampler(together, 1, area_power=area_power, dataset_power=0.3).probabilities, one.probabilities
    )


def test_the_draws_follow_the_probabilities(items: list) -> None:
    count = 40_000
    sampler = CropSampler(items, count, dataset_power=0.5, seed=3)
    drawn = np.bincount([number for number, _ in sampler], minlength=len(items)) / count
    deviation = np.sqrt(sampler.probabilities * (1 - sampler.probabilities) / count)
    assert (np.abs(drawn - sampler.probabilities) < 5 * deviation).all()
    assert len(sampler) == count


def test_a_seed_repeats_and_epochs_and_seeds_differ(items: list) -> None:
    first = epochs(CropSampler(items, 50, seed=1), 3)
    assert first == epochs(CropSampler(items, 50, seed=1), 3)
    assert first != epochs(CropSampler(items, 50, seed=2), 3)
    assert first[0] != first[1] != first[2] != first[0]


def test_every_draw_has_a_seed_of_its_own(items: list) -> None:
    seeds = [seed for epoch in epochs(CropSampler(items, 50, seed=1), 3) for _, seed in epoch]
    seeds += [seed for _, seed in CropSampler(items, 50, seed=2)]
    assert len(set(seeds)) == len(seeds) == 200


def test_a_continued_training_draws_as_an_unbroken_one(items: list) -> None:
    unbroken = epochs(CropSampler(items, 50, seed=1), 4)
    continued = CropSampler(items, 50, seed=1)
    continued.set_epoch(2)
    assert epochs(continued, 2) == unbroken[2:]
    list(islice(continued, 5))  # an epoch that was broken off
    continued.set_epoch(1)
    assert list(continued) == unbroken[1]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="training list is empty"):
        CropSampler([], 5)
