"""A bundle's train.json is method, options, wiring, and only the method is its own; all else follows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.transforms import Compose

from common.bundle_config import inference_config, read_json, written
from common.transforms import BorderWeightsd, InstanceTargetsd

from .conftest import BUNDLES, ROOT

# What depends on the images that a bundle is made for, not on its method.
OF_THE_IMAGES = {"dataset_dir", "crop_px", "channels"}
# A training in stages has a job for each.
JOBS = {"training_stage1", "training_stage2", "training", "run"}
# The order of the method, of which no bundle has all.
METHOD = [
    *("network_def", "stage1", "stage1_epochs", "stage1_folds"),
    *("label_keys", "targets", "border_weight", "border_sigma_px", "border_classes", "before_cropping"),
    *("loss", "decoder", "intensity", "augmentation_ranges", "more_augmentation"),
    *("inferer", "prepare_batch"),
]


def train_of(bundle: str) -> dict[str, Any]:
    return read_json(ROOT / "bundles" / bundle / "configs" / "train.json")


def blocks_of(bundle: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return method, options and wiring."""
    items = list(train_of(bundle).items())
    names = [name for name, _ in items]
    first, second = names.index("bundle_root"), names.index("device")
    return dict(items[:first]), dict(items[first:second]), dict(items[second:])


def shared(block: dict[str, Any], bundle: str, *, without: set[str]) -> list[tuple[str, Any]]:
    """Return the entries in order, the bundle's name left out."""
    text = json.dumps({name: None if name in without else value for name, value in block.items()})
    return list(json.loads(text.replace(bundle, "NAME")).items())


def test_the_method_comes_first(bundle: str) -> None:
    method = blocks_of(bundle)[0]
    new = method.keys() - set(METHOD)
    assert [name for name in method if name not in new] == [name for name in METHOD if name in method]


def test_options_are_those_of_every_bundle(bundle: str) -> None:
    expected, found = (
        shared(blocks_of(name)[1], name, without=OF_THE_IMAGES) for name in (BUNDLES[0], bundle)
    )
    assert found == expected, "names, order and values are the same everywhere: diff two train.json"


def test_wiring_is_that_of_every_bundle(bundle: str) -> None:
    def wiring(name: str) -> list[tuple[str, Any]]:
        method, _, block = blocks_of(name)
        staged = "stage1" in method
        wires = shared(block, name, without=JOBS if staged else set())
        return [(key, None if key in JOBS else value) for key, value in wires if "_stage" not in key]

    assert wiring(bundle) == wiring(BUNDLES[0])
    method, _, block = blocks_of(bundle)
    assert block.keys() >= JOBS or not JOBS - {"training", "run"} & block.keys()
    if "stage1" not in method:
        assert {block["training"], block["run"]} == {"%common/configs/train.json::training"}


@pytest.mark.parametrize("kind", ["train", "inference", "metadata", "overlays"])
def test_one_layout(bundle: str, kind: str) -> None:
    configs = ROOT / "bundles" / bundle / "configs"
    own = [configs / f"{name}.json" for name in ("train", "inference", "metadata")]
    files = [path for path in configs.rglob("*.json") if path not in own]
    for file in files if kind == "overlays" else [configs / f"{kind}.json"]:
        assert file.read_text("utf-8") == written(read_json(file)), (
            f"{file.relative_to(ROOT)}: one line a thing: run python -m scripts.check {bundle} --mend"
        )


def test_inference_follows_from_training(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    train = Path("bundles") / bundle / "configs" / "train.json"
    expected = written(inference_config(read_json(train), file=train))
    assert train.with_name("inference.json").read_text("utf-8") == expected, (
        f"inference.json does not follow from train.json: run python -m scripts.check {bundle} --mend"
    )


def test_augmentation_is_the_bundles_ranges(bundle: str, workflow, sample: Path) -> None:
    ranges = {
        "zoom": [0.9, 1.1], "gamma": [0.9, 1.1], "factor": 0.0, "shift": 0.0,
        "shift_probability": 0.0, "noise": 0.0, "channel_wise": False,
    }  # fmt: skip
    own = train_of(bundle)["augmentation_ranges"]
    assert list(own) == list(ranges), "every bundle says every range"
    made = workflow(bundle, dataset_dir=str(sample), augmentation_ranges=ranges)
    made.initialize()
    text = json.dumps(made.parser["augmentation"])
    assert all(f"@augmentation_ranges::{name}" in text for name in ranges), "a range that nothing reads"
    assert made.parser.get_parsed_content("augmentation") is not None


def test_a_users_own_augmentation_comes_after_ours(bundle: str, workflow, sample: Path) -> None:
    step = {"_target_": "RandScaleIntensityd", "keys": "image", "prob": 1.0, "factors": [-1.0, -1.0]}
    made = workflow(bundle, dataset_dir=str(sample), more_augmentation=[step])
    made.initialize()
    crop = made.parser.get_parsed_content("train::dataset")[0]
    assert not crop["image"].any(), "a factor of 1 - 1 as the last step"


@pytest.mark.parametrize("name", ["train", "inference"])
@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu")])
def test_a_device_may_be_a_name_or_a_device(
    bundle: str, workflow, sample: Path, name: str, device: str | torch.device | None
) -> None:
    options = {"dataset_dir": str(sample), **({} if device is None else {"device": device})}
    made = workflow(bundle, name, **options)
    made.initialize()
    assert made.check_properties() == []
    engine = made.parser.get_parsed_content("train::trainer" if name == "train" else "evaluator")
    network = made.parser.get_parsed_content("network")
    there = engine.state.device if hasattr(engine.state, "device") else None
    expected = torch.device("cuda" if device is None and torch.cuda.is_available() else "cpu")
    assert isinstance(there, torch.device) and there.type == expected.type
    assert {weight.device.type for weight in network.parameters()} == {expected.type}


def test_a_gpu_that_is_not_there_is_refused_in_a_sentence(sample_of, tmp_path: Path) -> None:
    places = ["--dataset_dir", str(sample_of("logsage")), "--ckpt_dir", str(tmp_path / "ckpt")]
    config = ["--config_file", "bundles/logsage/configs/train.json", "--mlflow", "False"]
    command = [sys.executable, "-m", "monai.bundle", "run", "training", *config, *places]
    done = subprocess.run(
        [*command, "--device", "cuda:99"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode != 0
    assert "--device cuda:99 is a GPU that is not there" in done.stderr.strip().splitlines()[-1]
    assert not list((tmp_path / "ckpt").glob("*.pt"))


@pytest.mark.parametrize("name", ["weighted_unet", "logsage"])
def test_an_evaluation_computes_no_targets_and_no_weights(
    workflow, sample: Path, tmp_path: Path, name: str
) -> None:
    """Nothing reads them there, and on a large image they take longer than all scores together."""
    made = workflow(name, dataset_dir=str(sample), ckpt_dir=str(tmp_path), output_dir=str(tmp_path))
    made.initialize()
    steps = made.parser.get_parsed_content("evaluate::preprocessing").transforms
    assert not [step for step in steps if isinstance(step, (BorderWeightsd, InstanceTargetsd, Compose))]
    item = made.parser.get_parsed_content("evaluate::dataset")[0]
    assert "weight" not in item and item["label"].shape == item["label_map"].shape
    assert item["image"].dtype == torch.float32
    # A validation needs them for its loss.
    assert len(made.parser.get_parsed_content("validate::dataset")[0]["label"]) > 1


@pytest.mark.parametrize("name", ["weighted_unet"])
def test_as_published_scales_the_weights_of_each_patch_to_1(
    workflow, sample: Path, tmp_path: Path, name: str
) -> None:
    made = workflow(
        name, "train", "as_published", dataset_dir=str(sample), ckpt_dir=str(tmp_path), crop_px=48
    )
    made.initialize()
    assert [made.parser[f"border_{part}"] for part in ("weight", "sigma_px", "classes")] == [3, 10, "mask"]
    patches = made.parser.get_parsed_content("train::dataset")
    weights = [patches[0]["label"][1] for _ in range(6)]
    assert {weight.shape for weight in weights} == {(48, 48)}
    assert {float(weight.max()) for weight in weights if weight.any()} == {1.0}


def test_resnet18_unet_as_published_sees_7000_crops() -> None:
    published = read_json(ROOT / "bundles" / "resnet18_unet" / "configs" / "as_published.json")
    assert published["epochs"] * published["steps_per_epoch"] * published["batch_size"] == 7000
