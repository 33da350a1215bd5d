"""Several data sets, folds and platforms reach what a bundle trains, validates and evaluates on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.sample import write_sample

from .conftest import modality_of

OTHER = "other_multiplex"
PARTS = ("train", "validate", "evaluate")
CHANNELS = {"fluorescence": 1, "he": 3, "multiplex": 3}


def sample_name(bundle: str) -> str:
    return f"sample_{modality_of(bundle)}"


@pytest.fixture
def two(sample: Path, tmp_path: Path) -> list[str]:
    """Two data sets: the sample of the bundle's kind, and one of three channels that the list names."""
    other = write_sample(tmp_path / "other", modality="multiplex", counts=(3, 1, 2), shape=(96, 80))
    listed = json.loads((other / "dataset.json").read_text())
    (other / "dataset.json").write_text(json.dumps(listed | {"name": OTHER}))
    return [str(sample), str(other)]


def test_each_image_of_two_data_sets_is_tested_once(bundle: str, workflow, two: list[str], tmp_path: Path):
    tested = []
    for fold in range(3):
        made = workflow(bundle, dataset_dir=two, fold=fold, folds=3, ckpt_dir=str(tmp_path / "ckpt"))
        made.initialize()
        lists = [made.parser.get_parsed_content(f"{part}::items") for part in PARTS]
        assert [len(items) for items in lists] == [len({item["image"] for item in items}) for items in lists]
        assert len({item["image"] for items in lists for item in items}) == sum(map(len, lists)) == 8 + 6
        tested += [item["image"] for item in lists[2]]
    assert len(tested) == len(set(tested)) == 8 + 6
    assert made.parser.get_parsed_content("data::lists").name == f"{sample_name(bundle)}+{OTHER}"


def test_images_of_two_data_sets_make_one_batch(bundle: str, workflow, two: list[str], tmp_path: Path):
    made = workflow(
        bundle, dataset_dir=two, batch_size=16, steps_per_epoch=1, ckpt_dir=str(tmp_path / "ckpt")
    )
    made.initialize()
    (batch,) = made.parser.get_parsed_content("train::dataloader")
    assert batch["image"].shape == (16, CHANNELS[modality_of(bundle)], 64, 64) and len(batch["label"]) == 16
    assert set(batch["dataset"]) == {sample_name(bundle), OTHER}
