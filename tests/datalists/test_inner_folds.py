"""The training images dealt to folds: each in one of them, patients whole; what is left is a data set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.datalists import RunData, load_datalist
from common.datalists.inner_folds import deal_images
from common.sample import write_sample


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two data sets, the first of three patients with two training images each."""
    folder = tmp_path_factory.mktemp("data")
    first = write_sample(folder / "first", counts=(6, 2, 1), shape=(40, 40))
    other = write_sample(folder / "other", counts=(4, 1, 1), shape=(40, 40))
    content = json.loads((first / "dataset.json").read_text())
    for number, item in enumerate(content["training"]):
        item["patient"] = f"p{number // 2}"
    (first / "dataset.json").write_text(json.dumps(content | {"name": "first"}))
    return [first, other]


def names(items: list[dict[str, object]]) -> set[str]:
    return {str(item["image"]) for item in items}


@pytest.mark.parametrize("folds", [2, 3])
def test_each_training_image_is_in_one_fold_and_patients_stay_together(two: list[Path], folds: int) -> None:
    data = RunData(two)
    dealt = data.deal_training(folds)
    training = data.items("training")
    assert set(dealt) == names(training), "validation and test images are no part of it"
    assert set(dealt.values()) == set(range(folds))
    by_patient: dict[str, set[int]] = {}
    for item in training:
        if item["patient"]:
            by_patient.setdefault(item["patient"], set()).add(dealt[item["image"]])
    assert len(by_patient) == 3 and all(len(found) == 1 for found in by_patient.values())
    assert dealt == RunData(two).deal_training(folds), "dealt otherwise the second time"


def test_each_data_set_is_dealt_by_itself(two: list[Path]) -> None:
    dealt = RunData(two).deal_training(2)
    for folder in two:
        own = [fold for image, fold in dealt.items() if Path(image).is_relative_to(folder)]
        assert own.count(0) and own.count(1)


def test_lists_without_a_fold_are_data_sets_with_the_same_names(two: list[Path], tmp_path: Path) -> None:
    data = RunData(two)
    dealt = data.deal_training(2)
    left_out = {image for image, fold in dealt.items() if fold == 1}
    written = RunData(data.write_lists(tmp_path / "lists", left_out=left_out))
    assert written.name == data.name
    assert names(written.items("training")) == set(dealt) - left_out
    assert written.items("validation") == data.items("validation")
    with pytest.raises(ValueError, match="the test list of .* is empty"):
        written.items("test")


def test_what_is_known_of_an_image_goes_along(two: list[Path], tmp_path: Path) -> None:
    [folder, _] = RunData(two).write_lists(tmp_path)
    before, after = (load_datalist(place, "training") for place in (two[0], folder))
    assert after == before


def test_too_few_groups_are_told_with_the_mend(two: list[Path]) -> None:
    items = load_datalist(two[0], "training")
    with pytest.raises(ValueError, match="3 groups of training images.*choose --stage1_folds 3 or fewer"):
        deal_images(items, two[0], 4)
