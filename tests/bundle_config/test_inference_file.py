"""Laws of inference.json: the method is that of train.json, and so is each setting that both have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.bundle_config import inference_config, read_json

FILE = Path("bundles/logsage/configs/train.json")


@pytest.fixture
def train(repository: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a bundle's train.json holds."""
    monkeypatch.chdir(repository)
    return read_json(FILE)


@pytest.mark.parametrize(
    ("name", "value"), [("channels", "3,4"), ("pixel_size_um", 0.5), ("amp", False), ("dataset_dir", "x")]
)
def test_a_setting_of_the_training_is_one_of_inference(train: dict[str, Any], name: str, value: Any) -> None:
    before = inference_config(train, file=FILE)
    after = inference_config({**train, name: value}, file=FILE)
    assert after == {**before, name: value} != before


def test_what_concerns_training_alone_changes_nothing(train: dict[str, Any]) -> None:
    before = inference_config(train, file=FILE)
    assert inference_config({**train, "epochs": 1, "loss": {}, "output_dir": "x"}, file=FILE) == before


def test_the_method_is_written_once(train: dict[str, Any]) -> None:
    """It is included from train.json, so that another network there is another one here."""
    made = inference_config(train, file=FILE)
    for name in ("network_def", "decoder", "intensity", "inferer"):
        assert made[name] == f"%{FILE.as_posix()}::{name}"
    assert made["output_dir"] != train["output_dir"], "an evaluation would be written over"


def test_what_is_missing_is_named(train: dict[str, Any]) -> None:
    del train["decoder"]
    with pytest.raises(ValueError, match="train.json: decoder is missing, which inference takes from it"):
        inference_config(train, file=FILE)


def test_a_foundation_model_is_that_of_the_training_and_nothing_of_it_is_kept(train: dict[str, Any]) -> None:
    """Images that are segmented come once: features of theirs would fill the disk for nobody."""
    before = inference_config(train, file=FILE)
    assert not {"sam_weights", "sam_cache"} & before.keys()
    given = {"sam_weights": "facebook/sam-vit-huge", "sam_cache": "runs/sam_features"}
    after = inference_config({**train, **given}, file=FILE)
    assert after == {**before, "sam_weights": "facebook/sam-vit-huge", "sam_cache": None}
