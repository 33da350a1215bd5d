"""What holds for every bundle on disk; a new one is tested by lying there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import tifffile

from common.files import stem_of
from common.messages import sentence
from common.readers import read_image
from scripts.check import check

from .conftest import BUNDLES, ROOT, SHORT

# Top-level ids that every bundle has: scalars for the command line, blocks for overlays.
CONTRACT = {
    *("bundle_name", "bundle_root", "dataset_dir", "ckpt_dir", "output_dir", "weights", "split"),
    *("seed", "split_seed", "epochs", "steps_per_epoch", "batch_size", "learning_rate", "warmup_epochs"),
    *("fold", "folds", "test_platform", "dataset_power"),
    *("weight_decay", "patience", "val_interval", "crop_px", "channels", "select_by", "mlflow", "amp"),
    *("pixel_size_um", "scale", "diameter_px", "model_diameter_px"),
    *("resume", "ema_decay", "accumulation_steps", "clip_norm", "pretrained", "freeze_encoder_epochs"),
    *("encoder_learning_rate_factor", "num_workers", "cache_images", "network_def", "targets", "loss"),
    *("optimizer", "decoder", "intensity"),
    *("augmentation", "augmentation_ranges", "more_augmentation", "before_cropping", "prepare_batch"),
    *("inferer", "scheduler", "device", "hardware", "data", "network"),
    *("train", "validate", "evaluate"),
    *("initialize", "training", "run", "evaluating"),
}
METADATA = json.loads((ROOT / "common" / "configs" / "metadata_schema.json").read_text())


def overlays_of(bundle: str) -> list[str]:
    folder = ROOT / "bundles" / bundle / "configs"
    found = [folder / f"{name}.json" for name in ("as_published", "whole_cells")]
    found += sorted(folder.glob("ablations/*.json"))
    return [str(file.relative_to(folder).with_suffix("")) for file in found if file.is_file()]


OVERLAYS = [(bundle, overlay) for bundle in BUNDLES for overlay in overlays_of(bundle)]


def test_a_bundle_is_found():
    assert BUNDLES


def test_the_card_command_trains_evaluates_and_segments(bundle: str, sample: Path, tmp_path: Path):
    train = f"bundles/{bundle}/configs/train.json"
    places = ["--dataset_dir", str(sample), "--ckpt_dir", str(tmp_path / "ckpt")]
    short = [f"--{name}={value}" for name, value in SHORT.items()]
    uri = f"sqlite:///{(tmp_path / 'mlruns.db').as_posix()}"
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "OMP_NUM_THREADS": "1"}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "monai.bundle", "run", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    run("training", "--config_file", train, *places, *short)
    assert {"model.pt", "last.pt", "train.json"} <= {file.name for file in (tmp_path / "ckpt").iterdir()}

    out = tmp_path / "evaluation"
    told = ["--output_dir", str(out), "--split", "validation", "--device", "cpu"]
    run("evaluating", "--config_file", train, *places, *told)
    report = json.loads((out / "metrics.json").read_text())
    assert len(report["images"]) == 2 and report["split"] == "validation"
    assert {"pq_pooled", "aji_mean", "ap_50_pooled", "f1_mu_pooled", "pixel_ap_mean"} <= set(report)

    images, out = sample / "images", tmp_path / "segmented"
    text = run(
        "--config_file", f"bundles/{bundle}/configs/inference.json", "--output_dir", str(out),
        "--dataset_dir", str(images), "--ckpt_dir", str(tmp_path / "ckpt"), "--device", "cpu",
    )  # fmt: skip
    assert "model.pt" in text
    label_maps = sorted(out.glob("*"))
    assert [file.stem for file in label_maps if file.is_file()] == sorted(
        stem_of(file) for file in images.iterdir()
    )
    for file in out.glob("*.tif"):
        label_map = tifffile.imread(file)
        assert label_map.dtype in (np.uint16, np.uint32) and label_map.shape == (96, 80)


@pytest.mark.parametrize(("name", "overlay"), OVERLAYS)
def test_every_overlay_trains(name: str, overlay: str, workflow, sample: Path, tmp_path: Path):
    places = {"dataset_dir": str(sample), "ckpt_dir": str(tmp_path)}
    training = workflow(name, "train", overlay, pretrained=None, **places)  # nothing can be downloaded
    training.initialize()
    training.parser.get_parsed_content("training")
    assert (tmp_path / "model.pt").is_file()


def test_the_check_finds_nothing(
    bundle: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What it looks for is in tests/scripts/test_check.py."""
    monkeypatch.chdir(ROOT)
    check(bundle)
    told = capsys.readouterr().out
    overlays = [f"{overlay}.json" for name, overlay in OVERLAYS if name == bundle]
    assert all(f"/{file} (" in told for file in ("train.json", *overlays, "inference.json")), told


def test_the_contract(bundle: str):
    config = json.loads((ROOT / "bundles" / bundle / "configs" / "train.json").read_text())
    assert set(config) >= CONTRACT
    taken = config["network_def"]["in_channels"]
    assert taken is None or isinstance(taken, int), "images are checked against it; null: any number"
    assert config["bundle_name"] == bundle and config["bundle_root"] == f"bundles/{bundle}"


@pytest.mark.parametrize("overlay", [None, "as_published"])
def test_the_encoder_can_learn_slower_or_the_option_is_refused(
    bundle: str, overlay: str | None, workflow, sample: Path
):
    """An optimizer that forgets `parameter_groups` would ignore the option without a word."""
    if overlay is not None and (bundle, overlay) not in OVERLAYS:
        pytest.skip("this bundle has no such overlay")
    options = {"dataset_dir": str(sample), "encoder_learning_rate_factor": 0.5}
    made = workflow(bundle, "train", *([overlay] if overlay else []), **options)
    made.initialize()
    try:
        groups = made.parser.get_parsed_content("optimizer").param_groups
    except RuntimeError as error:
        assert "does not say which part is its encoder" in sentence(error)
    else:
        assert groups[1]["lr"] == 0.5 * groups[0]["lr"]


def test_metadata(bundle: str):
    metadata = json.loads((ROOT / "bundles" / bundle / "configs" / "metadata.json").read_text())
    jsonschema.validate(metadata, METADATA)
    assert metadata["version"] in metadata["changelog"]
    for name, data in metadata["network_data_format"]["outputs"].items():
        assert len(data["channel_def"]) == data["num_channels"], name


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("version", "1.0"),
        ("changelog", {}),
        ("monai_version", None),
        ("required_packages_version", None),
        ("references", "a paper"),
        ("network_data_format::inputs", {}),
        ("network_data_format::outputs::pred::dtype", "float"),
        ("network_data_format::outputs::pred::type", "picture"),
        ("network_data_format::outputs::pred::format", "segmentation"),  # that is one channel, not maps
        ("network_data_format::outputs::pred::spatial_shape", ["32 pixels"]),
        ("network_data_format::outputs::pred::value_range", [0]),
        ("network_data_format::outputs::pred::channel_def", {"first": "foreground"}),
        ("network_data_format::outputs::pred::is_patch_data", None),
    ],
)
def test_the_schema_refuses_what_the_specification_does(place: str, value: object) -> None:
    metadata = json.loads((ROOT / "bundles" / "logsage" / "configs" / "metadata.json").read_text())
    jsonschema.validate(metadata, METADATA)
    *above, last = place.split("::")
    inside = metadata
    for key in above:
        inside = inside[key]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(metadata, METADATA)


def test_label_maps_lie_as_their_images_do(sample_of):
    """The embedded sample's labels fit its images: bright where a nucleus is."""
    sample = sample_of("logsage")
    for file in (sample / "images").iterdir():
        image = read_image(file).pixels[0].astype(float)
        label_map = tifffile.imread(sample / "labels" / f"{file.stem}.tif")
        assert image[label_map > 0].mean() > 1.2 * image[label_map == 0].mean()
