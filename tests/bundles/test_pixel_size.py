"""Images reach the network at its own pixel size, and labels come back at the images'.

The network is the identity and the decoder a threshold, so that what is found must be the same at any size.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from common.bundle_config import read_json
from common.datalists import nucleus_diameter_px
from common.geometry import ModelScale
from common.messages import sentence
from common.readers import read_image
from common.sample import write_sample

from .conftest import ROOT, without_foundation

Segment = Callable[..., list[np.ndarray]]
# The sample's pixels are 0.5 micrometres wide.
IDENTITY = {"_target_": "torch.nn.Identity", "in_channels": 1, "out_channels": 1}
BRIGHT = {"_target_": "common.decoders.ComponentsDecoder", "threshold": 0.56, "grow_px": 0, "min_area_px": 0}


@pytest.fixture(scope="module")
def odd_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of images whose sides no whole number divides."""
    return write_sample(tmp_path_factory.mktemp("data") / "odd", counts=(2, 1, 1), shape=(97, 83))


@pytest.fixture
def places(odd_sample: Path, tmp_path: Path) -> dict[str, Any]:
    """Options that run the identity on the odd sample."""
    torch.save({}, tmp_path / "model.pt")
    folders = {"dataset_dir": str(odd_sample), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path / "out")}
    return {**folders, "network_def": IDENTITY, "decoder": BRIGHT, "channels": 0}


@pytest.fixture
def segment(bundle: str, workflow: Callable[..., Any], places: dict[str, Any]) -> Segment:
    """Return what segments the images with some options: their label maps in order."""

    def run(**options: Any) -> list[np.ndarray]:
        made = workflow(bundle, "inference", **{**places, **options})
        made.initialize()
        made.parser.get_parsed_content("run")
        return [tifffile.imread(file) for file in sorted(Path(places["output_dir"]).glob("*.tif"))]

    return run


def agreement(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Return the Dice of the foreground of two lists of label maps."""
    pairs = list(zip(some, others, strict=True))
    both = sum(np.count_nonzero((a > 0) & (b > 0)) for a, b in pairs)
    return 2 * both / sum(np.count_nonzero(a) + np.count_nonzero(b) for a, b in pairs)


@pytest.mark.parametrize("pixel_size_um", [0.25, 1.0])
def test_label_maps_have_the_images_shape_and_place_at_any_pixel_size(
    segment: Segment, places: dict[str, Any], pixel_size_um: float
) -> None:
    plain = segment()
    pictures = sorted(Path(places["output_dir"]).glob("overlays/*.png"))
    assert len(plain) == len(pictures) == 4 and plain[0].max() > 0
    resized = segment(pixel_size_um=pixel_size_um)
    assert {label_map.shape for label_map in (*plain, *resized)} == {(97, 83)}
    assert agreement(plain, resized) > 0.85
    assert any(not np.array_equal(*pair) for pair in zip(plain, resized, strict=True))
    assert {read_image(picture).pixels.shape[1:] for picture in pictures} == {(97, 83)}


def test_the_pixel_size_of_the_training_is_found_beside_the_weights(
    segment: Segment, places: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plain, wanted = segment(), segment(pixel_size_um=1.0)
    settings = {"pixel_size_um": 1.0, "model_diameter_px": 9.0}
    (Path(places["ckpt_dir"]) / "train.json").write_text(json.dumps(settings))
    caplog.set_level(logging.INFO, "common.datalists")
    caplog.clear()
    assert all(map(np.array_equal, segment(), wanted))
    assert [text for text in caplog.messages if "pixels become" in text] == [
        "images: pixels become 1 µm wide, resized by 0.5: 4"
    ]
    assert all(map(np.array_equal, segment(pixel_size_um="ignore"), plain))
    # Nuclei of 18 px in a training of 9 px are halved too.
    assert all(map(np.array_equal, segment(pixel_size_um="ignore", diameter_px=18), wanted))


def test_images_without_a_pixel_size_are_taken_as_they_are_and_counted(
    segment: Segment,
    places: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plain = segment()
    bare = tmp_path / "bare"
    shutil.copytree(Path(places["dataset_dir"]) / "images", bare)
    caplog.set_level(logging.INFO, "common.datalists")
    assert all(map(np.array_equal, segment(dataset_dir=str(bare), pixel_size_um=0.25), plain))
    assert "images: of unknown pixel size, taken as they are: 4" in caplog.messages


def test_what_cannot_be_meant_is_refused_before_anything_is_segmented(
    segment: Segment, places: dict[str, Any]
) -> None:
    for options, words in [
        ({"pixel_size_um": 0.01}, "pixels are 0.5 µm wide and the model's 0.01 µm"),
        ({"scale": 2.0, "diameter_px": 20}, "both resize the images"),
        ({"diameter_px": 20}, "give --model_diameter_px too"),
    ]:
        with pytest.raises(RuntimeError) as caught:
            segment(**options)
        assert words in sentence(caught.value)
    assert not Path(places["output_dir"]).exists()


def test_scores_are_of_the_labels_at_the_images_own_grid(
    bundle: str, workflow: Callable[..., Any], places: dict[str, Any]
) -> None:
    dice = []
    for options in ({}, {"pixel_size_um": 0.25}, {"scale": 0.6}):
        made = workflow(bundle, "train", **places, **options)
        made.initialize()
        made.parser.get_parsed_content("evaluating")
        report = json.loads((Path(places["output_dir"]) / "metrics.json").read_text())
        dice.append(report["dice_mean"])
        (item,) = made.parser.get_parsed_content("evaluate::evaluator").state.output
        assert {item[key].shape[1:] for key in ("image", "pred_map", "foreground")} == {(97, 83)}
    assert dice[0] > 0.5 and np.ptp(dice) < 0.1


def test_training_saves_how_large_nuclei_were(
    bundle: str, workflow: Callable[..., Any], odd_sample: Path, tmp_path: Path
) -> None:
    maps = read_json(ROOT / "bundles" / bundle / "configs" / "train.json")["network_def"]["out_channels"]
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": maps, "kernel_size": 1}
    options = {
        **{"dataset_dir": str(odd_sample), "ckpt_dir": str(tmp_path), "channels": 0, "network_def": network},
        # A cascade would ask for its first network.
        "prepare_batch": {"_target_": "monai.engines.default_prepare_batch", "_mode_": "callable"},
        **without_foundation(bundle),
    }
    made = workflow(bundle, "train", pixel_size_um=0.25, **options)
    made.initialize()
    made.parser.get_parsed_content("train::start")()
    shapes = {item["image"].shape[1:] for item in made.parser.get_parsed_content("validate::dataset")}
    assert shapes == {(194, 166)}
    settings = json.loads((tmp_path / "train.json").read_text())
    items = made.parser.get_parsed_content("train::items")
    assert settings["pixel_size_um"] == 0.25
    as_they_are = nucleus_diameter_px(items, ModelScale())
    assert settings["model_diameter_px"] == pytest.approx(2 * as_they_are, rel=0.01)
