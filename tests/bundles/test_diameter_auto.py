"""`--diameter_px auto`, as a user types it: images of any scale at the size of the training's nuclei.

The network calls bright what is bright, but sees nothing where a nucleus is narrower than its kernel.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from common import load_segmenter
from common.messages import sentence

DECODER = {"_target_": "common.decoders.ComponentsDecoder", "grow_px": 0, "min_area_px": 0}
SMALL = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
TRAINED_PX = 24.0


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """The folder of a training on nuclei 24 px wide."""
    folder = tmp_path / "training"
    folder.mkdir()
    settings = {
        **{"network_def": SMALL, "decoder": DECODER, "bundle_root": "bundles/resnet18_unet"},
        **{"model_diameter_px": TRAINED_PX, "pixel_size_um": None, "diameter_px": None, "scale": 1.0},
    }
    (folder / "train.json").write_text(json.dumps(settings))
    weights = {"weight": torch.full((1, 1, 1, 1), 8.0), "bias": torch.full((1,), -4.0)}
    torch.save(weights, folder / "model.pt")
    return folder


def write(path: Path, diameter: int, count: int = 9, *, pixel_size_um: float | None = None) -> Path:
    """Write an image of so many blurred squares whose area is that of a circle of that diameter."""
    edge = round(diameter * np.sqrt(np.pi) / 2)
    pixels = np.full((4 * edge, 2 * edge * max(count, 1)), 10, np.uint8)
    for number in range(count):
        start = edge // 2 + 2 * edge * number
        pixels[edge : 2 * edge, start : start + edge] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {}
    if pixel_size_um is not None:
        per_cm = 1e4 / pixel_size_um
        options = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.fixture
def segment(workflow: Callable[..., Any], training: Path, tmp_path: Path) -> Callable[..., None]:
    """Segment the images of a folder with that training, into another folder."""

    def run(**options: Any) -> None:
        places = {"dataset_dir": str(tmp_path / "images"), "output_dir": str(tmp_path / "out")}
        given = {**places, "ckpt_dir": str(training), "device": "cpu", "diameter_px": "auto", **options}
        made = workflow("resnet18_unet", "inference", **given)
        made.initialize()
        made.run()

    return run


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "common")
    return lambda: [line for line in caplog.messages if "taken as it is" in line or "times" in line]


def test_each_image_gets_its_own_factor_and_the_labels_the_images_grid(
    segment, training, tmp_path: Path, told
) -> None:
    diameters = {"a": 8, "b": 24, "c": 96}
    files = {name: write(tmp_path / "images" / f"{name}.tif", size) for name, size in diameters.items()}
    segment()
    assert [line.split(":")[0] for line in told()] == ["a.tif", "b.tif", "c.tif"]
    assert "the training's had 24: enlarged 3" in told()[0] and "taken as it is" in told()[1]
    assert "made 4 times smaller" in told()[2] or "made 3.9" in told()[2]
    auto = load_segmenter(training, device="cpu", diameter_px="auto")
    for name, file in files.items():
        found = tifffile.imread(tmp_path / "out" / f"{name}.tif")
        pixels = tifffile.imread(file)
        assert found.shape == pixels.shape and found.max() == 9
        # The call from Python is the command's; and not what an image gives as it is, where it was resized.
        assert np.array_equal(auto(pixels), found)
        as_it_is = load_segmenter(training, device="cpu")(pixels)
        assert np.array_equal(as_it_is, found) == (name != "c")
    known = load_segmenter(training, device="cpu", diameter_px=96)
    by_number = known(tifffile.imread(files["c"])) > 0
    agreed = by_number == (tifffile.imread(tmp_path / "out" / "c.tif") > 0)
    assert agreed.mean() > 0.97, "about what the true diameter gives"


@pytest.mark.parametrize("count", [0, 1])
def test_an_image_of_no_or_one_nucleus_is_taken_as_it_is(segment, tmp_path: Path, told, count: int) -> None:
    write(tmp_path / "images" / "a.tif", 8, count)
    segment()
    assert told()[0].startswith(f"a.tif: {count} whole nuclei, too few to tell their size by")
    assert tifffile.imread(tmp_path / "out" / "a.tif").max() == count


def test_a_model_that_does_not_know_its_nuclei_is_refused(segment, training, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif", 8)
    settings = json.loads((training / "train.json").read_text())
    (training / "train.json").write_text(json.dumps({**settings, "model_diameter_px": None}))
    with pytest.raises(RuntimeError) as caught:
        segment()
    assert "--diameter_px auto cannot be used" in sentence(caught.value)
    assert "give --model_diameter_px too, or --scale" in sentence(caught.value)
    with pytest.raises(ValueError, match="--diameter_px auto cannot be used"):
        load_segmenter(training, diameter_px="auto")
    segment(model_diameter_px=24)
    assert tifffile.imread(tmp_path / "out" / "a.tif").max() == 9


def test_what_is_no_size_is_refused_in_both_ways(segment, training, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.tif", 8)
    for options, words in [
        ({"diameter_px": "automatic"}, "--diameter_px .*, or auto"),
        ({"scale": 2.0}, "--scale 2 and --diameter_px auto both resize the images: give one"),
    ]:
        with pytest.raises((RuntimeError, ValueError)) as caught:
            segment(**options)
        with pytest.raises(ValueError, match=words):
            raise ValueError(sentence(caught.value))
        with pytest.raises(ValueError, match=words):
            load_segmenter(training, **{"diameter_px": "auto", **options})


def test_an_image_that_tells_its_pixel_size_is_not_searched(segment, training, tmp_path: Path, told) -> None:
    images = tmp_path / "images"
    known = write(images / "known.tif", 8, pixel_size_um=1.0)
    write(images / "unknown.tif", 8)
    segment(pixel_size_um=0.5)
    (line,) = told()
    assert line.startswith("unknown.tif: ")
    auto = load_segmenter(training, device="cpu", diameter_px="auto", pixel_size_um=0.5)
    pixels = tifffile.imread(known)
    by_size = load_segmenter(training, device="cpu", pixel_size_um=0.5)(pixels, pixel_size_um=1.0)
    assert np.array_equal(auto(pixels, pixel_size_um=1.0), by_size)
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "known.tif"), by_size)
    segment(pixel_size_um="ignore")
    assert len(told()) == 3


def test_what_was_found_is_compared_at_the_networks_size(segment, training, tmp_path: Path, caplog) -> None:
    """With nuclei brought to the training's size nobody is warned of their size."""
    write(tmp_path / "images" / "a.tif", 96)
    settings = json.loads((training / "train.json").read_text())
    ranges = {"images": [99, 99], "nucleus_diameter_px": [20.0, 28.0]}
    (training / "train.json").write_text(json.dumps({**settings, "training_images": ranges}))
    segment()
    assert "unlike the training's images" not in caplog.text
    segment(diameter_px=None, scale=1.0)
    assert "px wide" in caplog.text


def test_an_evaluation_searches_too(workflow, training, tmp_path: Path, told) -> None:
    data = tmp_path / "data"
    for name in "abcdefg":
        file = write(data / "images" / f"{name}.tif", 96)
        pixels = tifffile.imread(file)
        labels = np.cumsum(np.diff((pixels > 100).astype(int), axis=1, prepend=0) > 0, axis=1) * (
            pixels > 100
        )
        (data / "labels").mkdir(exist_ok=True)
        tifffile.imwrite(data / "labels" / f"{name}.tif", labels.astype(np.uint16))
    places = {"dataset_dir": str(data), "ckpt_dir": str(training), "output_dir": str(tmp_path / "out")}
    targets = {"_target_": "common.transforms.InstanceTargetsd", "keys": "label", "maps": ["foreground"]}
    method = {"decoder": DECODER, "network_def": SMALL, "targets": targets}
    made = workflow(
        "resnet18_unet", run_id="evaluating", **places, **method, diameter_px="auto", device="cpu"
    )
    made.initialize()
    made.run()
    assert any("made" in line and "times smaller" in line for line in told())
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert report["pq_pooled"] > 0.8
