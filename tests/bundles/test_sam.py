"""The bundle with a foundation model: SAM works once an image, is in no weights, and is asked for in time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_sam import save_small_sam

from common.foundation import FrozenSAM
from common.messages import sentence
from common.packing import pack_bundle

from .conftest import ROOT

NAME = "eunet3plus_sam"


@pytest.fixture
def images(sample_of) -> Path:
    return sample_of(NAME)


def train(workflow, images: Path, folder: Path, *overlays: str, **options: Any):
    made = workflow(NAME, "train", *overlays, dataset_dir=str(images), ckpt_dir=str(folder), **options)
    made.initialize()
    made.parser.get_parsed_content("training")
    return made


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run a command of the bundle's card; return its status and its last line."""
    command = [sys.executable, "-m", "monai.bundle", "run", *arguments, "--mlflow", "False"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr.strip().splitlines()[-1]


def test_without_weights_it_stops_before_training_and_says_what_to_fetch(
    images: Path, tmp_path: Path
) -> None:
    status, last = run(
        *("training", "--config_file", f"bundles/{NAME}/configs/train.json"),
        *("--dataset_dir", str(images), "--ckpt_dir", str(tmp_path / "ckpt")),
        HF_HUB_CACHE=str(tmp_path / "hub"),
        HF_HUB_OFFLINE="0",
    )
    assert status == 1
    for words in (
        "hf download facebook/sam-vit-base config.json model.safetensors",
        f"puts them into {tmp_path / 'hub'}",
        "--sam_weights FOLDER",
        "the bundle eunet3plus is the same network without SAM",
    ):
        assert words in last, last
    assert not list((tmp_path / "ckpt").glob("*.pt"))


def test_sam_sees_each_image_once(workflow, images: Path, tmp_path: Path, encoded: list[int]) -> None:
    """However long a training is, and however many there are, with or without images kept in memory."""
    train(workflow, images, tmp_path / "one", epochs=3)
    kept = len(list((tmp_path / "sam_features").rglob("*.npz")))
    assert kept == 4 + 2, "an image of the sample is one tile"
    # Before the first step its memory is measured, with a crop as if it were two.
    assert sum(encoded) == kept + 2, "steps and validations ask for no more"
    train(workflow, images, tmp_path / "two", cache_images=0, seed=1)
    assert sum(encoded) == kept + 2 + 2


def test_crops_that_sam_sees_augmented_are_not_kept(
    workflow, images: Path, tmp_path: Path, encoded: list[int]
) -> None:
    train(workflow, images, tmp_path / "ckpt", "ablations/sam_sees_crops")
    assert sum(encoded) >= 4 + 2, "two steps of two crops, and the validation"
    assert len(list((tmp_path / "sam_features").rglob("*.npz"))) == 2


def test_without_sam_nothing_of_it_is_needed(
    workflow, images: Path, tmp_path: Path, encoded: list[int]
) -> None:
    train(workflow, images, tmp_path / "ckpt", "ablations/no_sam", sam_weights="nowhere/at-all")
    assert not encoded and (tmp_path / "ckpt" / "model.pt").is_file()


def test_the_training_feeds_features_that_belong_to_the_crop(workflow, images: Path, tmp_path: Path) -> None:
    made = workflow(NAME, dataset_dir=str(images), ckpt_dir=str(tmp_path), crop_px=64, more_augmentation=[])
    made.initialize()
    get = made.parser.get_parsed_content
    network, item = get("network"), get("train::dataset")[0]
    assert get("train::preprocessing") is not None
    assert network.foundation is get("before_cropping")[0].foundation, "SAM is in memory once"
    assert item["features"].shape == (network.foundation.features, 4, 4)
    seen: list[Any] = []
    network.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs.get("features")), with_kwargs=True
    )
    get("training")
    fed = [features for features in seen if features is not None]
    assert len(fed) == 2 and all(features.shape[0] == 2 for features in fed), "each step"


def test_nothing_of_sam_is_saved_or_trained(workflow, images: Path, tmp_path: Path) -> None:
    made = train(workflow, images, tmp_path, ema_decay=0.9)
    network = made.parser.get_parsed_content("network")
    own = {name for name, _ in network.named_parameters()} | {name for name, _ in network.named_buffers()}
    for file, key in (("model.pt", None), ("last.pt", "network")):
        content = torch.load(tmp_path / file, weights_only=True)
        state = content[key] if key else content
        assert set(state) == own | {"_extra_state"}
    groups = made.parser.get_parsed_content("optimizer").param_groups
    trained = sum(weight.numel() for group in groups for weight in group["params"])
    assert trained == sum(weight.numel() for weight in network.parameters())
    fresh = FrozenSAM()
    assert fresh.digest == network.foundation.digest
    tile = torch.rand(1, 3, 64, 64)
    assert torch.equal(fresh(tile), network.foundation(tile))


def test_weights_take_their_sam_along_or_refuse_another(
    workflow, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = save_small_sam(tmp_path / "own", seed=5)
    train(workflow, images, tmp_path / "ckpt", sam_weights=str(own))
    places = {"ckpt_dir": str(tmp_path / "ckpt"), "output_dir": str(tmp_path / "out")}
    made = workflow(NAME, "inference", dataset_dir=str(images / "images"), **places)
    made.initialize()
    with caplog.at_level("INFO"):
        made.run()
    assert 'as in the training: sam_weights "' in caplog.text
    assert len(list((tmp_path / "out").glob("*.tif"))) == 8
    # The same weights in another place are welcome, others are not.
    moved = Path(shutil.copytree(own, tmp_path / "moved"))
    other = save_small_sam(tmp_path / "other", seed=6)
    for weights in (moved, other):
        options = {"sam_weights": str(weights), "output_dir": str(tmp_path / weights.name / "out")}
        made = workflow(NAME, "inference", dataset_dir=str(images / "images"), **{**places, **options})
        made.initialize()
        if weights is moved:
            made.run()
            continue
        with pytest.raises(Exception) as caught:
            made.run()
        assert "trained with the features of another foundation model" in sentence(caught.value)


def test_segmented_images_leave_no_features_behind(workflow, images: Path, tmp_path: Path) -> None:
    train(workflow, images, tmp_path / "ckpt")
    shutil.rmtree(tmp_path / "sam_features")
    places = {"ckpt_dir": str(tmp_path / "ckpt"), "output_dir": str(tmp_path / "out")}
    made = workflow(NAME, "inference", dataset_dir=str(images / "images"), **places)
    made.initialize()
    made.run()
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize("channels", ["0", "0,1,2,1"])
def test_grey_and_four_channels_are_refused_before_training(
    workflow, images: Path, tmp_path: Path, channels: str
) -> None:
    made = workflow(NAME, dataset_dir=str(images), ckpt_dir=str(tmp_path), channels=channels)
    made.initialize()
    with pytest.raises(Exception) as caught:
        made.parser.get_parsed_content("training")
    told = sentence(caught.value)
    assert "channel" in told and "\n" not in told
    assert not list(tmp_path.glob("*.pt"))


@pytest.mark.parametrize("tile_px", [8, 100])
def test_a_tile_smaller_than_a_patch_is_refused_before_training(
    workflow, images: Path, tmp_path: Path, tile_px: int
) -> None:
    options = {"network_def::foundation::tile_px": tile_px}
    made = workflow(NAME, dataset_dir=str(images), ckpt_dir=str(tmp_path), **options)
    made.initialize()
    with pytest.raises(Exception) as caught:
        made.parser.get_parsed_content("training")
    assert f"SAM's tile_px is {tile_px}: choose a multiple of 16 px" in sentence(caught.value)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_white_and_black_images_do_no_harm(workflow, images: Path, tmp_path: Path, value: float) -> None:
    made = workflow(NAME, dataset_dir=str(images), ckpt_dir=str(tmp_path))
    made.initialize()
    network = made.parser.get_parsed_content("network")
    flat = torch.full((2, 3, 64, 64), value)
    assert network.eval()(flat).isfinite().all()
    maps = network.train()(flat, features=network.foundation(flat))
    maps.square().mean().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in network.parameters())


def test_packed_it_holds_no_sam_and_asks_for_it_in_the_same_words(images: Path, tmp_path: Path) -> None:
    """On a machine without SAM's weights."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "scripts.pack", NAME, "--output", str(tmp_path / "dist")]
    subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True, timeout=300)
    packed = tmp_path / "dist" / NAME
    files = [file for file in packed.rglob("*") if file.is_file()]
    assert not [file for file in files if file.suffix in (".safetensors", ".pt", ".pth", ".bin")]
    assert sum(file.stat().st_size for file in files) < 5e6
    run_packed = ["-P", "-m", "monai.bundle", "run", "training", "--config_file", "configs/train.json"]
    done = subprocess.run(
        [sys.executable, *run_packed, "--dataset_dir", str(images), "--mlflow", "False"],
        cwd=packed,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert "hf download facebook/sam-vit-base config.json model.safetensors" in last
    assert "the bundle eunet3plus is the same network without SAM" in last
    assert not (packed / "models").exists() or not list((packed / "models").glob("*.pt"))


def test_packed_weights_name_their_sam_but_no_folder_of_their_maker(
    workflow, images: Path, tmp_path: Path
) -> None:
    for number, weights in enumerate(("facebook/sam-vit-large", str(save_small_sam(tmp_path / "mine")))):
        folder = tmp_path / f"ckpt{number}"
        train(workflow, images, folder, sam_weights=weights)
        packed = pack_bundle(ROOT / "bundles" / NAME, tmp_path / f"dist{number}", weights=folder / "model.pt")
        texts = [file.read_text() for file in packed.folder.rglob("*.json")]
        config = json.loads((packed.folder / "configs" / "inference.json").read_text())
        assert config["sam_weights"] == ("facebook/sam-vit-base" if number else weights)
        assert config["sam_cache"] is None
        assert not any(str(tmp_path) in text for text in texts), "a folder of the maker's machine"
