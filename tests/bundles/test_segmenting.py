"""Segmenting as a user does: files of all kinds in, nothing of the user's changed, the same from Python."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from common import load_segmenter
from common.files import stem_of
from common.messages import sentence
from common.readers import read_image

from .conftest import ROOT

SMALL = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
DECODER = {"_target_": "common.decoders.ComponentsDecoder", "grow_px": 0, "min_area_px": 0}


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training whose network calls bright what is bright."""
    folder = tmp_path_factory.mktemp("training")
    settings = {"network_def": SMALL, "decoder": DECODER, "bundle_root": "bundles/resnet18_unet"}
    (folder / "train.json").write_text(json.dumps(settings))
    weights = {"weight": torch.full((1, 1, 1, 1), 8.0), "bias": torch.full((1,), -4.0)}
    torch.save(weights, folder / "model.pt")
    return folder


@pytest.fixture
def segment(workflow: Callable[..., Any], training: Path) -> Callable[..., None]:
    """Segment files with that training."""

    def run(source: Path, output_dir: Path, **options: Any) -> None:
        places = {"dataset_dir": str(source), "output_dir": str(output_dir), "ckpt_dir": str(training)}
        made = workflow("resnet18_unet", "inference", **places, device="cpu", **options)
        made.initialize()
        made.run()

    return run


def cells(path: Path, number: int = 0, shape: tuple[int, int] = (40, 48)) -> Path:
    """Write an image of some bright squares."""
    pixels = np.full(shape, 10, dtype=np.uint8)
    for square in range(1 + number % 4):
        pixels[4 : 4 + 6, 2 + 10 * square : 9 + 10 * square] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)
    return path


# --- From Python -------------------------------------------------------------------------------------------


def test_an_array_gives_the_labels_of_its_file(bundle: str, sample: Path, workflow, tmp_path: Path) -> None:
    """Bit for bit, with weights that find something: those of a training of two steps may not."""
    options = {"dataset_dir": str(sample), "ckpt_dir": str(tmp_path / "ckpt")}
    made = workflow(bundle, run_id="training", **options)
    made.initialize()
    made.run()
    kept = torch.load(tmp_path / "ckpt" / "model.pt", weights_only=True)
    network = kept if not isinstance(kept.get("network"), dict) else kept["network"]
    generator = torch.Generator().manual_seed(0)
    for name, value in network.items():
        if value.is_floating_point() and "running" not in name:
            network[name] = value + 0.1 * torch.randn(value.shape, generator=generator)
    torch.save(network, tmp_path / "ckpt" / "model.pt")
    made = workflow(bundle, "inference", **options, output_dir=str(tmp_path / "out"), device="cpu", scale=0.9)
    made.initialize()
    made.run()
    segmenter = load_segmenter(tmp_path / "ckpt", device="cpu", scale=0.9)
    files = sorted((sample / "images").iterdir())
    arrays = [read_image(file).pixels for file in files]
    assert segmenter.bundle == bundle
    found = segmenter(arrays, axes="cyx")
    for file, label_map in zip(files, found, strict=True):
        assert label_map.dtype == np.int32
        assert np.array_equal(label_map, tifffile.imread(tmp_path / "out" / f"{stem_of(file)}.tif"))
    assert any(label_map.any() for label_map in found), "equal because nothing was found shows nothing"


def test_axes_and_types_do_not_matter(training: Path, tmp_path: Path) -> None:
    segmenter = load_segmenter(training)
    pixels = tifffile.imread(cells(tmp_path / "a.tif", 3))
    wanted = segmenter(pixels)
    assert wanted.max() == 4 and wanted.shape == (40, 48)
    for array, axes in ((pixels[None], "cyx"), (pixels[..., None], "yxc"), (pixels.T, "xy"), (pixels, "YX")):
        assert np.array_equal(segmenter(array, axes=axes), wanted)
    for kind in (np.uint16, np.int32, np.float64, np.float32):
        assert np.array_equal(segmenter((pixels * 3).astype(kind)), wanted)
    assert segmenter(pixels > 100).max() == 4
    assert not segmenter(np.zeros((7, 9))).any()


def test_channels_are_chosen_by_number_or_name(training: Path, tmp_path: Path) -> None:
    segmenter = load_segmenter(training)
    pixels = np.stack([np.zeros((40, 48)), tifffile.imread(cells(tmp_path / "a.tif", 2))])
    assert segmenter(pixels, axes="cyx", channels=1).max() == 3
    assert segmenter(pixels, axes="cyx", channels="dapi", channel_names=["CD3", "DAPI"]).max() == 3
    assert (
        load_segmenter(training, channels="DAPI")(pixels, axes="cyx", channel_names=["CD3", "DAPI"]).max()
        == 3
    )
    assert load_segmenter(training, channels="DAPI")(pixels[1]).max() == 3, "its only channel has no name"


def test_a_pixel_size_resizes_as_it_does_for_files(training: Path, tmp_path: Path) -> None:
    pixels = tifffile.imread(cells(tmp_path / "a.tif", 3))
    as_it_is = load_segmenter(training)(pixels, pixel_size_um=0.25)
    half = load_segmenter(training, pixel_size_um=0.5)(pixels, pixel_size_um=0.25)
    assert as_it_is.shape == half.shape and not np.array_equal(as_it_is, half)
    assert np.array_equal(half, load_segmenter(training, scale=0.5)(pixels))


def test_it_works_from_any_folder(training: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_segmenter(training)(np.eye(9)).shape == (9, 9)


@pytest.mark.parametrize(
    ("array", "options", "kind", "told"),
    [
        (np.zeros((3, 9, 9)), {}, ValueError, 'say what its axes are, such as axes="cyx"'),
        (np.zeros((9, 9)), {"axes": "cyx"}, ValueError, "write a letter an axis"),
        (np.zeros((9, 9)), {"axes": "yz"}, ValueError, "write a letter an axis"),
        (np.zeros((9, 0)), {}, ValueError, "it is empty"),
        (np.array([["a"]]), {}, TypeError, "give numbers"),
        (np.zeros((2, 9, 9)), {"axes": "cyx", "channels": [0, 1]}, ValueError, "2 of the image's 2 channel"),
        (np.zeros((2, 9, 9)), {"axes": "cyx", "channels": 2}, ValueError, "the image has no channel 2"),
        (np.zeros((2, 9, 9)), {"axes": "cyx", "channel_names": ["a"]}, ValueError, "1 channel_names"),
    ],
)
def test_mistakes_are_told(training: Path, array: Any, options: Any, kind: Any, told: str) -> None:
    with pytest.raises(kind, match=told):
        load_segmenter(training)(array, **options)


def test_mistakes_in_loading_are_told(training: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="did you mean resnet18_unet"):
        load_segmenter("resnet18")
    with pytest.raises(TypeError, match="no option 'chanels': did you mean channels"):
        load_segmenter(training, chanels=1)
    with pytest.raises(TypeError, match="no option 'output_dir'"):
        load_segmenter(training, output_dir="x")
    with pytest.raises(ValueError, match="is no CUDA|no CUDA|not there"):
        load_segmenter(training, device="cuda:77")
    shutil.copy(training / "model.pt", tmp_path)
    with pytest.raises(ValueError, match="give the bundle's name as source"):
        load_segmenter(tmp_path)
    assert load_segmenter(training / "model.pt").weights == training / "model.pt"


def test_the_readmes_lines_segment_an_array(
    training: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.S)
    assert len([line for line in lines.splitlines() if line]) <= 6
    monkeypatch.chdir(tmp_path)
    cells(tmp_path / "a.tif", 2)
    found: dict[str, Any] = {}
    exec(lines.replace('"logsage"', repr(str(training))), found)  # whose weights are not there yet
    assert found["label_map"].shape == (40, 48) and found["label_map"].max() == 3


# --- Files -------------------------------------------------------------------------------------------------


def test_a_folder_of_mixed_and_broken_files_goes_through(segment, tmp_path: Path, caplog) -> None:
    source = tmp_path / "in"
    for number, name in enumerate(("a.tif", "c.tif", "day1/d.tif")):
        cells(source / name, number)
    (source / "b.png").write_bytes(b"no picture")
    cells(source / "damaged.tif")
    (source / "damaged.tif").write_bytes((source / "damaged.tif").read_bytes()[:300])
    (source / "x.webp").touch()
    caplog.set_level("INFO", "common")
    with pytest.raises(Exception) as caught:
        segment(source, tmp_path / "out", table=True, recursive=True)
    assert "2 of 5 images could not be segmented: b (" in sentence(caught.value)
    assert "d: 3 nuclei" in "".join(caplog.messages) and any(
        "skipped 1 .webp" in text for text in caplog.messages
    )
    assert [tifffile.imread(tmp_path / "out" / f"{name}.tif").max() for name in ("a", "c", "day1/d")] == [
        1,
        2,
        3,
    ]
    assert (tmp_path / "out" / "overlays" / "day1" / "d.png").is_file()
    rows = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["a", "1"], ["b", ""], ["c", "2"], ["damaged", ""], ["day1/d", "3"],
    ]  # fmt: skip
    # What was done is not done again, what failed is tried again.
    (source / "b.png").unlink()
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.tif")}
    cells(source / "damaged.tif", 3)
    segment(source, tmp_path / "out", table=True, recursive=True, skip_finished=True)
    assert tifffile.imread(tmp_path / "out" / "damaged.tif").max() == 4
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())
    rows = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["a", "c", "damaged", "day1/d"]
    # Cut before its summary, it writes that alone.
    (tmp_path / "out" / "summary.csv").unlink()
    segment(source, tmp_path / "out", table=True, recursive=True, skip_finished=True)
    assert (tmp_path / "out" / "summary.csv").read_text().splitlines() == rows
    # Another setting finds something else: everything is done again.
    decoder = {**DECODER, "min_area_px": 1}
    segment(source, tmp_path / "out", table=True, recursive=True, skip_finished=True, decoder=decoder)
    assert all(file.stat().st_mtime_ns != time for file, time in before.items())


def test_the_command_ends_with_an_exit_code_and_the_failures(training: Path, tmp_path: Path) -> None:
    cells(tmp_path / "in" / "a.tif", 2)
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "monai.bundle", "run"]
    command += ["--config_file", "bundles/resnet18_unet/configs/inference.json", "--ckpt_dir", str(training)]
    command += [
        "--dataset_dir",
        str(tmp_path / "in"),
        "--output_dir",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "a: 3 nuclei" in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert (
        last.startswith("error: 1 of 2 images could not be segmented: b (") and "b.png cannot be read" in last
    )


def _state(folder: Path) -> dict[str, str]:
    """Return what a user has: every file and link, with its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = f"link to {os.readlink(path)}"
        elif path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.mark.parametrize("seed", range(24))
def test_nothing_that_a_user_gives_is_ever_overwritten(segment, tmp_path: Path, seed: int) -> None:
    """Images, labels, tables and links, in folders that are the same, nested, or linked to each other."""
    draw = random.Random(seed)
    home = tmp_path / "home"
    places = [
        Path("."),
        Path("images"),
        Path("labels"),
        Path("images/overlays"),
        Path("out"),
        Path("out/overlays"),
    ]
    for place in places:
        for stem in draw.sample(["a", "b", "summary"], 2):
            cells(home / place / f"{stem}.tif", draw.randrange(4))
            if draw.random() < 0.4:
                (home / place / f"{stem}.csv").write_text("label,mine\n1,2\n")
            if draw.random() < 0.4:
                (home / place / f"{stem}_notes.png").write_bytes(b"mine")
    (home / "link").symlink_to(draw.choice(["images", "out", "."]), target_is_directory=True)
    (home / "out" / "b.csv").unlink(missing_ok=True)
    (home / "out" / "b.csv").symlink_to("../images/a.tif")
    if draw.random() < 0.5:
        hard = home / "out" / "a.tif"
        hard.unlink(missing_ok=True)
        os.link(next((home / "images").glob("*.tif")), hard)
    before = _state(home)
    source = home / draw.choice(["", "images", "link", "images/../images", "labels"])
    output = home / draw.choice(
        ["", "images", "link", "labels", "out", "new", "images/new", "link/overlays", "link/.."]
    )
    options = {name: draw.random() < 0.5 for name in ("table", "recursive", "overlay", "skip_finished")}
    options["formats"] = draw.choice([None, "geojson", "geojson,geojson.gz,rois.zip"])
    for _ in range(2):  # the second time among the results of the first
        try:
            segment(source, output, **options)
        except (ValueError, RuntimeError) as error:
            refused = (
                "--output_dir",
                "same name",
                "rename",
                "could not be segmented",
                "no image that can be read",
            )
            assert any(words in sentence(error) for words in refused), sentence(error)
        after = _state(home)
        assert {path: content for path, content in after.items() if path in before} == before


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_an_evaluation_does_not_write_among_images_or_labels(
    workflow, training: Path, sample_of, tmp_path: Path, folder: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_of("resnet18_unet"), data)
    before = _state(data)
    places = {"dataset_dir": str(data), "ckpt_dir": str(training), "output_dir": str(data / folder)}
    made = workflow("resnet18_unet", run_id="evaluating", **places, device="cpu")
    made.initialize()
    with pytest.raises(Exception) as caught:
        made.run()
    assert f"{folder} is the folder of" in sentence(caught.value)
    assert _state(data) == before


def test_a_colour_picture_is_refused_by_a_network_for_one_channel(
    segment, training: Path, tmp_path: Path
) -> None:
    """As a file and as an array; by its name a colour is meant."""
    pink = np.full((40, 48, 3), (230, 200, 220), dtype=np.uint8)
    pink[5:15, 5:15] = (120, 60, 160)
    tifffile.imwrite(tmp_path / "he.tif", pink, photometric="rgb")
    with pytest.raises(Exception) as caught:
        segment(tmp_path / "he.tif", tmp_path / "out")
    assert "he.tif is a colour picture" in sentence(caught.value)
    segment(tmp_path / "he.tif", tmp_path / "out", channels="B")
    segmenter = load_segmenter(training)
    with pytest.raises(ValueError, match="the image is a colour picture"):
        segmenter(pink, axes="yxc")
    found = segmenter(pink, axes="yxc", channels="B")
    assert np.array_equal(found, tifffile.imread(tmp_path / "out" / "he.tif"))
    grey = np.repeat(pink[..., :1], 3, axis=2)
    assert np.array_equal(segmenter(grey, axes="yxc"), segmenter(grey[..., 0]))


def test_values_that_are_not_finite_are_background_in_arrays_as_in_files(
    segment, training: Path, tmp_path: Path
):
    pixels = tifffile.imread(cells(tmp_path / "in" / "a.tif", 2)).astype(np.float32) - 50
    pixels[25:35, 20:40] = np.nan
    tifffile.imwrite(tmp_path / "in" / "a.tif", pixels)
    segment(tmp_path / "in", tmp_path / "out")
    found = load_segmenter(training)(pixels)
    assert np.array_equal(found, tifffile.imread(tmp_path / "out" / "a.tif")) and found.max() == 3
    assert not found[25:35, 20:40].any()
