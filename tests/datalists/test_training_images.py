"""What is measured in a training's images before it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from common.datalists import (
    measure_training_images,
    nucleus_diameter_px,
    training_image_ranges,
    training_images,
)
from common.geometry import ModelScale


def write_pair(folder: Path, name: str, *, side: int = 64, channels: int = 1) -> dict[str, str]:
    random = np.random.default_rng(len(name))
    label_map = np.zeros((side, side), np.uint16)
    label_map[8:20, 8:20], label_map[30:42, 30:42] = 1, 2
    image = 50 * (label_map > 0) + random.integers(0, 9, (channels, side, side))
    image[-1] += 1000 * (channels > 1) * (label_map == 0).astype(int)  # the last channel is its negative
    tifffile.imwrite(folder / f"{name}.tif", image.astype(np.uint16).squeeze(), photometric="minisblack")
    tifffile.imwrite(folder / f"{name}_masks.tif", label_map)
    return {"image": str(folder / f"{name}.tif"), "label": str(folder / f"{name}_masks.tif")}


def test_all_that_is_saved_beside_the_weights(tmp_path):
    items = [write_pair(tmp_path, name) for name in ("a", "bb", "ccc")]
    measured = measure_training_images(items, ModelScale())
    assert measured["model_diameter_px"] == nucleus_diameter_px(items, ModelScale())
    assert measured["training_images"] == training_image_ranges(items, ModelScale())
    assert measured["training_images"]["images"] == [3, 3]
    assert measure_training_images(items, ModelScale(), model_diameter_px=7)["model_diameter_px"] == 7


def test_the_chosen_channels_on_the_networks_grid_are_described(tmp_path):
    items = [write_pair(tmp_path, "a", channels=2)]
    every = training_image_ranges(items, ModelScale())
    last = training_image_ranges(items, ModelScale(scale=0.5), channels=[1])
    assert "contrast_1" in every and "contrast_1" not in last
    assert last["contrast_0"] == every["contrast_1"] and last["contrast_0"][1] < 0
    assert last["nucleus_diameter_px"][0] == pytest.approx(every["nucleus_diameter_px"][0] / 2, rel=1e-3)


def test_of_many_or_large_images_some_are_read(tmp_path, monkeypatch):
    items = [write_pair(tmp_path, "a")] * 250
    assert training_image_ranges(items, ModelScale())["images"] == [84, 84]
    monkeypatch.setattr(training_images, "_MOST_PIXELS", 64 * 64 * 20)
    assert training_image_ranges(items, ModelScale())["images"] == [20, 20]
    monkeypatch.setattr(training_images, "_MOST_PIXELS", 1)
    assert training_image_ranges(items, ModelScale())["images"] == [10, 10]
    assert training_image_ranges([], ModelScale()) == {}
