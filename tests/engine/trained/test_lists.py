"""Tests of the comparison of the lists of an evaluation with those of the training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.engine.trained.lists import check_trained_lists

LISTS = {"dataset_dir": "data/a", "fold": 1, "folds": 5, "split_seed": 0, "test_platform": None}


def weights_of(folder: Path, **changes: object) -> Path:
    (folder / "train.json").write_text(json.dumps({**LISTS, **changes}))
    return folder / "model.pt"


def test_the_same_lists_pass(tmp_path: Path):
    check_trained_lists(weights_of(tmp_path), {**LISTS, "epochs": 3})
    with pytest.raises(ValueError, match="split_seed"):
        check_trained_lists(weights_of(tmp_path, split_seed=1), {**LISTS, "epochs": 3})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fold": 2}, "fold 1 on this data set, which is now 2.*add --fold 1$"),
        ({"fold": None}, "fold 1 .* now not set.*add --fold 1 --folds 5$"),
        ({"folds": 4}, "folds 5 .* now 4.*add --folds 5$"),
        ({"split_seed": 3}, "split_seed 0 .* now 3"),
        ({"test_platform": "confocal"}, "test_platform not set .* leave --test_platform out$"),
    ],
)
def test_other_lists_are_refused_with_the_options_that_help(tmp_path: Path, change: dict, words: str):
    with pytest.raises(ValueError, match=words):
        check_trained_lists(weights_of(tmp_path), {**LISTS, **change})


def test_without_folds_their_number_does_not_matter(tmp_path: Path):
    check_trained_lists(weights_of(tmp_path, fold=None, folds=3), {**LISTS, "fold": None})
    with pytest.raises(ValueError, match="folds 3 .* now 5"):
        check_trained_lists(weights_of(tmp_path, folds=3), LISTS)


def test_another_data_set_and_a_segmentation_pass(tmp_path: Path):
    weights = weights_of(tmp_path)
    check_trained_lists(weights, {**LISTS, "fold": 2, "dataset_dir": "data/b"})
    check_trained_lists(weights, {"dataset_dir": "data/a"})
    check_trained_lists(weights, None)
    check_trained_lists(tmp_path / "elsewhere" / "model.pt", {**LISTS, "fold": 2})
    with pytest.raises(ValueError, match="fold"):
        check_trained_lists(weights, {**LISTS, "fold": 2})


def test_the_order_of_several_data_sets_does_not_matter(tmp_path: Path):
    weights = weights_of(tmp_path, dataset_dir=["data/a", "data/b"])
    check_trained_lists(weights, {**LISTS, "dataset_dir": ["data/b", "data/a"]})
    with pytest.raises(ValueError, match="fold"):
        check_trained_lists(weights, {**LISTS, "fold": 0, "dataset_dir": ["data/b", "data/a"]})
