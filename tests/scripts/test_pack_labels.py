"""Programs from image to label map: what QuPath's InstanSeg extension asks of one, and bioimage.io.

QuPath itself is not run. The contract is replayed from the extension's source, version 0.1.6
(github.com/qupath/qupath-extension-instanseg, commit 397e6aa): `TilePredictionProcessor` scales and clips,
`InstanSeg.createTiler` cuts, `InstanSegModel` reads rdf.yaml and asks for two files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from common.bundle_config import bundle_parser, read_json
from common.packing.image_to_labels import drawn_image
from scripts.pack import pack

from .conftest import edit, read
from .test_pack import drawn_weights, trained

UM = 0.5


@pytest.fixture
def weights(small: Path) -> Path:
    """Weights drawn by chance for a network whose foreground is what is bright, so that nuclei are found."""
    torch.manual_seed(0)
    edit(small, "train", "decoder", {**read(small, "train")["decoder"], "min_area_px": 4, "threshold": 0.52})
    edit(small, "inference", "decoder", "%bundles/small/configs/train.json::decoder")
    return drawn_weights(small, Path("drawn.pt"))


def tiles(height: int, width: int, *, tile: int, padding: int) -> Iterator[tuple[slice, slice]]:
    """Yield the regions that the extension reads: squares in a row, padded, cut off at the image's edges."""
    inner = tile - 2 * padding
    for row in range(0, height, inner):
        for column in range(0, width, inner):
            yield (
                slice(max(0, row - padding), min(height, row + inner + padding)),
                slice(max(0, column - padding), min(width, column + inner + padding)),
            )


def as_the_extension_scales(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.1, 99.9), axis=(1, 2), keepdims=True)
    return np.clip((image - low) / (high - low + 1e-6), -0.5, 1.5).astype(np.float32)


def test_tiles_as_the_extension_cuts_them(small: Path, weights: Path):
    """With the window's padding of 32 px, the 80 px of a script, and what an image's edges leave over."""
    pack("small", weights=str(weights), format="qupath", pixel_size_um=UM)
    program = torch.jit.load("dist/small_qupath/instanseg.pt")
    parser = bundle_parser(small.resolve())
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(weights))
    inferer, decoder = parser.get_parsed_content("inferer"), parser.get_parsed_content("decoder")

    image = as_the_extension_scales(drawn_image(1, 650, 533)[0].numpy() * 4095)
    sizes, found = set(), 0
    cut = [each for padding in (32, 80) for each in tiles(650, 533, tile=512, padding=padding)]
    for rows, columns in cut:
        tile = torch.from_numpy(image[:, rows, columns])[None]
        with torch.no_grad():
            labels = program(tile)
            expected = decoder(inferer(tile, network)[0].numpy())
        assert labels.dtype == torch.float32 and labels.shape == (1, 1, *tile.shape[2:])
        as_integers = labels[0, 0].numpy().astype(np.int32)  # OpenCV's CV_32S
        np.testing.assert_array_equal(as_integers, expected)
        np.testing.assert_array_equal(np.unique(as_integers), np.arange(as_integers.max() + 1))
        sizes.add(tuple(tile.shape[2:]))
        found += int(labels.max())
    assert len(sizes) > 2 and any(side % 8 for size in sizes for side in size), "edges of any size"
    assert found > 20, "there is something to compare"
    for shape in ((1, 1), (1, 300), (7, 9), (4096, 40)):
        assert program(torch.rand(1, 1, *shape)).shape == (1, 1, *shape)


def test_what_the_extension_reads_of_the_description(small: Path, weights: Path):
    archives = pack("small", weights=str(weights), format="qupath", pixel_size_um=UM)
    assert archives == [Path("dist/small.zip"), Path("dist/small_qupath.zip")]
    folder = Path("dist/small_qupath")
    described = json.loads((folder / "rdf.yaml").read_text())
    # Texts, all of them: its parser refuses a mapping as documentation, which later versions ask for.
    for name in ("format_version", "name", "description", "documentation", "license", "version"):
        assert isinstance(described[name], str) and described[name], name
    assert tuple(map(int, described["format_version"].split("."))) == (0, 5, 10)
    assert described["authors"] and described["weights"]["torchscript"]["source"] == "instanseg.pt"
    axes = {axis.get("id", axis["type"]): axis for axis in described["outputs"][0]["axes"]}
    assert axes["channel"]["channel_names"] == ["nuclei"]
    assert axes["x"]["scale"] == axes["y"]["scale"] == UM
    assert [axis["type"] for axis in described["inputs"][0]["axes"]] == ["batch", "channel", "space", "space"]
    assert described["inputs"][0]["axes"][1]["channel_names"] == ["nuclear_stain"]
    # `InstanSegModel.getREADMEString` wants the name of the model.
    document = folder / f"{described['name']}_README.md"
    assert document.is_file() and described["documentation"] == document.name
    assert "0.5 micrometres" in document.read_text() and "{{" not in document.read_text()
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("instanseg.pt", "rdf.yaml", document.name, "LICENSE", "image.npy", "labels.npy", "packed.json"),
    }


def test_weights_take_their_own_licence_along(small: Path, weights: Path):
    """Released ones have it beside them, asked for by their data; another LICENSE is not theirs."""
    pack("small", weights=str(weights), format="qupath", pixel_size_um=UM)
    assert not Path("dist/small/models/LICENSE").exists(), "that beside drawn.pt is the project's"
    assert json.loads(Path("dist/small_qupath/rdf.yaml").read_text())["license"] == "Apache-2.0"
    own = "SPDX-License-Identifier: CC-BY-NC-SA-4.0\n\nNot for sale.\n"
    models = small / "models"
    models.mkdir()
    weights.rename(models / "model.pt")
    (models / "LICENSE").write_text(own)
    pack("small", format="qupath", pixel_size_um=UM)
    for file in ("dist/small/models/LICENSE", "dist/small_qupath/LICENSE"):
        assert Path(file).read_text() == own, file
    assert json.loads(Path("dist/small_qupath/rdf.yaml").read_text())["license"] == "CC-BY-NC-SA-4.0"


def test_the_image_in_the_package_gives_the_label_map_in_it(small: Path, weights: Path):
    """By the description alone: percentiles, program, checksums."""
    pack("small", weights=str(weights), format="bioimageio")
    with zipfile.ZipFile("dist/small_bioimageio.zip") as packed:
        packed.extractall("package")
    described = json.loads(Path("package/rdf.yaml").read_text())
    (taken,), (given,) = described["inputs"], described["outputs"]
    for file in (taken["test_tensor"], given["test_tensor"], described["weights"]["torchscript"]):
        content = Path("package", file["source"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert "scale" not in taken["axes"][2], "nobody knows the pixel size"
    (step,) = taken["preprocessing"]
    lower, upper = step["kwargs"]["min_percentile"], step["kwargs"]["max_percentile"]
    assert step["id"] == "scale_range" and (lower, upper) == (0.5, 99.8)
    image = np.load("package/image.npy")
    low, high = np.percentile(image, (lower, upper), axis=(2, 3), keepdims=True)
    program = torch.jit.load("package/instanseg.pt")
    found = program(torch.from_numpy((image - low) / (high - low + 1e-6)).float())
    labels = np.load("package/labels.npy")
    assert labels.max() > 3
    np.testing.assert_array_equal(found.numpy(), labels)


BIOIMAGEIO = """
import numpy, sys
import bioimageio.core
import bioimageio.spec
package = sys.argv[1]
found = bioimageio.spec.load_description(package)
print(type(found).__name__, found.validation_summary.status)
tested = bioimageio.core.test_model(package)
print("tested:", tested.status)
if tested.status != "passed":
    tested.display()
for shape in ((1, 1, 100, 217), (2, 1, 64, 64)):
    image = numpy.random.default_rng(0).uniform(0, 4095, shape).astype("float32")
    given = bioimageio.core.predict(model=package, inputs={"image": image})
    print(given.members["instance_segmentation"].data.shape)
"""


@pytest.mark.long
def test_bioimageio_validates_and_runs_the_package(small: Path, weights: Path, tmp_path: Path):
    pytest.importorskip("bioimageio", reason="bioimageio.core is not installed")
    pack("small", weights=str(weights), format="bioimageio", pixel_size_um=UM)
    done = subprocess.run(
        [sys.executable, "-c", BIOIMAGEIO, "dist/small_bioimageio.zip"],
        env={**os.environ, "BIOIMAGEIO_CACHE_PATH": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = done.stdout.splitlines()
    assert told[0] == "ModelDescr valid-format" and "tested: passed" in told, done.stdout
    assert told[-2:] == ["(1, 1, 100, 217)", "(2, 1, 64, 64)"]


def test_what_the_training_used_is_in_the_program(small: Path, tmp_path: Path):
    """Pixel size, names of channels, percentiles and the tuned decoder."""
    torch.manual_seed(0)
    intensity = {**read(small, "train")["intensity"], "upper": 99.0}
    decoder = {**read(small, "train")["decoder"], "min_area_px": 77}
    settings = {"channels": "DAPI", "pixel_size_um": 0.325, "intensity": intensity, "decoder": decoder}
    pack("small", weights=str(trained(small, tmp_path / "training", **settings)), format="bioimageio,qupath")
    described = json.loads(Path("dist/small_qupath/rdf.yaml").read_text())
    taken = described["inputs"][0]
    assert taken["axes"][1]["channel_names"] == ["DAPI"] and taken["axes"][3]["scale"] == 0.325
    assert taken["preprocessing"][0]["kwargs"]["max_percentile"] == 99.0
    assert torch.jit.load("dist/small_qupath/instanseg.pt").decoder.min_area_px == 77
    with zipfile.ZipFile("dist/small_bioimageio.zip") as packed:
        for name in packed.namelist():
            assert packed.read(name) == Path("dist/small_qupath", name).read_bytes(), "one model, two formats"
    with pytest.raises(
        ValueError, match=r"--pixel_size_um 0.5 differs from the training's 0.325 \(.*model.pt"
    ):
        pack("small", weights=str(tmp_path / "training/model.pt"), format="qupath", pixel_size_um=0.5)


def test_two_packs_are_the_same_bytes(small: Path, weights: Path):
    options = {"weights": str(weights), "format": "qupath,bioimageio", "pixel_size_um": UM}
    first = [archive.read_bytes() for archive in pack("small", output="one", **options)]
    assert [archive.read_bytes() for archive in pack("small", output="two", **options)] == first
    everything = b"".join(file.read_bytes() for file in Path("one/small_qupath").iterdir())
    assert str(Path.cwd()).encode() not in everything, "no folder of this machine"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"format": "qupath"},
            "QuPath resizes images to the model's pixel size, and the training of drawn.pt had none: add"
            " --pixel_size_um with the micrometres of a pixel in the images that were trained on",
        ),
        ({"format": "qupath", "pixel_size_um": 0}, "--pixel_size_um is 0: give the micrometres of a pixel"),
        ({"pixel_size_um": 0.5}, "--pixel_size_um 0.5 goes with --format qupath or bioimageio: leave it out"),
        (
            {"format": "onnx,cupath"},
            "no --format 'cupath': choose one or several of onnx, torchscript, torch_export, qupath, bioim",
        ),
    ],
)
def test_options_that_do_not_go(small: Path, weights: Path, options: dict, told: str):
    with pytest.raises(ValueError, match=re.escape(told)):
        pack("small", weights=str(weights), **options)
    assert not Path("dist").exists()


def test_a_decoder_that_cannot_leave_python(small: Path, weights: Path):
    edit(small, "train", "decoder", {"_target_": "common.decoders.WatershedDecoder"})
    with pytest.raises(ValueError, match="WatershedDecoder cannot leave Python, because it has no as_module"):
        pack("small", weights=str(weights), format="qupath", pixel_size_um=UM)
    assert not list(Path("dist").iterdir())


def test_intensities_that_other_programs_do_not_know(small: Path, weights: Path):
    edit(small, "train", "intensity", {"_target_": "Identityd", "keys": "image"})
    with pytest.raises(
        ValueError, match="intensities are scaled by Identityd, and the programs that read it"
    ):
        pack("small", weights=str(weights), format="bioimageio")
    assert not Path("dist").exists()


@pytest.mark.parametrize("name", ["small_qupath/notes.txt", "small_bioimageio.zip"])
def test_something_else_in_the_output_stays(small: Path, weights: Path, name: str):
    mine = Path("dist", name)
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    with pytest.raises(FileExistsError, match="move it away, or name another --output"):
        pack("small", weights=str(weights), format="qupath,bioimageio", pixel_size_um=UM)
    assert mine.read_text() == "years of work"
    assert not Path("dist/small").exists()


def test_a_network_of_one_size_is_refused(small: Path, weights: Path, monkeypatch: pytest.MonkeyPatch):
    from common.packing import image_to_labels

    real = image_to_labels.export_network
    monkeypatch.setattr(
        image_to_labels,
        "export_network",
        lambda *words, **options: real(*words, **options)._replace(free_size=False),
    )
    told = "UNet cannot be run on tiles of any size: as TorchScript it takes images of 256 px alone"
    with pytest.raises(ValueError, match=told):
        pack("small", weights=str(weights), format="qupath", pixel_size_um=UM)
    assert read_json(small / "configs" / "train.json")["bundle_name"] == "small"
    assert not list(Path("dist").iterdir())
