"""What lies outside the ranges of a training's images, and its words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.datalists import load_datalist, training_image_ranges
from common.geometry import ModelScale
from common.likeness import departures, describe_image, in_words, training_ranges
from common.readers import read_image, read_labels
from common.transforms.pixel_size import resample_labels

RANGES = {
    **{"images": [100, 100], "foreground_share": [0.02, 0.19], "nuclei_per_megapixel": [100, 900]},
    **{"nucleus_diameter_px": [10, 20], "brightness_0": [0.05, 0.2], "spread_0": [0.1, 0.2]},
    **{
        "smoothness_0": [0.8, 0.98],
        "coarseness_0": [0.1, 0.5],
        "contrast_0": [0.3, 0.8],
        "colour_0_1": [0.8, 0.95],
    },
}


def test_what_was_trained_on_is_like_it() -> None:
    random = np.random.default_rng(0)
    rows = [
        {name: float(random.uniform(low, high)) for name, (low, high) in RANGES.items()} for _ in range(20)
    ]
    for row in rows:
        del row["images"]
    ranges = training_ranges(rows)
    assert json.loads(json.dumps(ranges)) == ranges
    assert not any(departures(row, ranges) for row in rows)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("foreground_share", 0.41, "41 % of it is nuclei; in training images it was 2 to 19 %"),
        ("foreground_share", 0.0, "0 % of it is nuclei; in training images it was 2 to 19 %"),
        (
            "nuclei_per_megapixel",
            5200.0,
            "it has 5,200 nuclei in a megapixel; in training images it was 100 to 900",
        ),
        (
            "nucleus_diameter_px",
            40.0,
            "40 px wide, as the network sees them; in training images they were 10 to",
        ),
        (
            "brightness_0",
            0.9,
            "its mean intensity of channel 0 is 0.90 .*; in training images it was 0.05 to",
        ),
        ("spread_0", 0.0, "spread by 0.00"),
        ("smoothness_0", 0.02, "neighbouring pixels of channel 0 go together by 0.02"),
        ("coarseness_0", 0.97, "pixels of channel 0 go together by 0.97 over 16 px"),
        ("contrast_0", -0.5, "stand out of channel 0 by -0.50"),
        ("colour_0_1", 0.1, "its channels 0 and 1 go together by 0.10"),
    ],
)
def test_a_departure_in_words(name: str, value: float, words: str) -> None:
    (found,) = departures({name: value}, RANGES)
    assert re.search(words, in_words([found], channels=2))
    assert "channel 0" not in in_words([found], channels=1)


def test_the_most_striking_come_first_and_each_thing_once() -> None:
    found = departures(
        {"brightness_0": 0.9, "spread_0": 0.4, "foreground_share": 0.2, "smoothness_0": 0.0}, RANGES
    )
    assert [each.name for each in found] == ["brightness_0", "spread_0", "smoothness_0"]
    text = in_words(found)
    assert text.count("in training images") == 2 and "spread" not in text


def test_of_few_images_more_is_allowed() -> None:
    numbers = {"nucleus_diameter_px": 26.0}
    assert departures(numbers, RANGES)
    assert not departures(numbers, {**RANGES, "images": [3, 3]})
    assert departures({"nucleus_diameter_px": 60.0}, {**RANGES, "images": [3, 3]})


def test_equal_images_leave_room_for_another() -> None:
    ranges = training_ranges([{"brightness_0": 0.2, "nucleus_diameter_px": 12.0}] * 50)
    assert not departures({"brightness_0": 0.23, "nucleus_diameter_px": 13.0}, ranges)


def test_nothing_known_is_nothing_unlike() -> None:
    assert departures({"brightness_0": 9.0}, {}) == []
    assert departures({"brightness_5": 9.0}, RANGES) == []
    assert training_ranges([]) == {}


def numbers_of(folder: Path, split: str, *, channels: Any, change: Any = None, every: int = 1) -> list[Any]:
    described = []
    for item in load_datalist(folder, split)[::every]:
        image = read_image(item["image"], channels=channels).pixels.astype(np.float32)
        label_map = read_labels(item["label"])
        if change is not None:
            image, label_map = change(image, label_map)
        described.append(describe_image(image, label_map))
    return described


def inverted(image: np.ndarray, label_map: np.ndarray) -> Any:
    return image.max() - image, label_map


def halved(image: np.ndarray, label_map: np.ndarray) -> Any:
    size = [length // 2 for length in label_map.shape]
    small = (
        image[:, : 2 * size[0], : 2 * size[1]].reshape(len(image), size[0], 2, size[1], 2).mean(axis=(2, 4))
    )
    return small, resample_labels(label_map[: 2 * size[0], : 2 * size[1]], size)


@pytest.mark.parametrize("name", ["dsb2018_fluo", "monuseg"])
def test_real_images_of_the_training_set_are_like_it_and_others_are_not(nuclei_data: Path, name: str) -> None:
    other = {"dsb2018_fluo": "monuseg", "monuseg": "dsb2018_histology"}[name]
    channels = [0] if name == "dsb2018_fluo" else [0, 1, 2]
    ranges = training_image_ranges(
        load_datalist(nuclei_data / name, "training"), ModelScale(), channels=channels
    )

    def unlike(folder: str, **options: Any) -> float:
        # One channel of a colour picture has to be asked for by its name.
        chosen = "R" if folder != name and channels == [0] else channels
        rows = numbers_of(nuclei_data / folder, "validation", channels=chosen, **options)
        return float(np.mean([bool(departures(row, ranges)) for row in rows]))

    assert unlike(name) <= 0.02
    assert unlike(other) == unlike(name, change=inverted, every=3) == 1
    if name == "monuseg":  # the other set has nuclei of 8 to 53 px
        assert unlike(name, change=halved) == 1
