"""Packed bundles live without the repository: alone, from any folder, two in one process, downloaded."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import monai.bundle
import numpy as np
import pytest
import tifffile
import torch
from monai.bundle import ConfigParser
from test_docs import MODULES, imported

from common.bundle_config import in_this_package
from common.packing import (
    FORMATS,
    TOLERANCE,
    Packed,
    flat_configs,
    load_exported,
    pack_bundle,
    rooms_needed,
)

from .conftest import BUNDLES, ROOT, SHORT
from .test_every_bundle import METADATA

# One network alone, and one that needs another bundle; the others take minutes.
QUICK = ("cascaded_unet", "resnet18_unet")
EACH = [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in BUNDLES]


@pytest.fixture(scope="session")
def packed_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Packed]:
    """Pack a bundle, once, with weights drawn by chance."""

    @functools.cache
    def pack(name: str) -> Packed:
        output = tmp_path_factory.mktemp("dist")
        before = Path.cwd()
        os.chdir(ROOT)
        try:
            parser = ConfigParser()
            parser.read_config(f"bundles/{name}/configs/train.json")
            torch.manual_seed(0)
            torch.save(parser.get_parsed_content("network_def").state_dict(), output / "drawn.pt")
            return pack_bundle(ROOT / "bundles" / name, output, weights=output / "drawn.pt")
        finally:
            os.chdir(before)

    return pack


@pytest.fixture
def alone(packed_of: Callable[[str], Packed], name: str, tmp_path: Path) -> Path:
    """The packed bundle as somebody has it who unpacked the archive, in an otherwise empty folder."""
    shutil.unpack_archive(packed_of(name).archive, tmp_path / "alone")
    return tmp_path / "alone" / name


def python(folder: Path, *words: str) -> str:
    """Run Python somewhere, with nothing on its path but what is installed."""
    env = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")
    }
    env |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-P", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def label_maps(folder: Path) -> dict[str, np.ndarray]:
    return {file.stem: tifffile.imread(file) for file in sorted(folder.glob("*.tif"))}


@pytest.mark.parametrize("name", EACH)
def test_trains_and_segments_as_in_the_repository(
    alone: Path, name: str, sample: Path, tmp_path: Path, workflow
):
    run = ("-m", "monai.bundle", "run")
    short = [f"--{key}={value}" for key, value in SHORT.items()]
    if "stage1" in json.loads((alone / "configs" / "train.json").read_text()):
        short += ["--stage1_folds=2", "--stage1_epochs=1"]
    told = python(
        *(alone, *run, "training", "--config_file", "configs/train.json", "--dataset_dir", str(sample)),
        *short,
    )
    assert "models/model.pt" in told
    assert {"model.pt", "last.pt", "train.json"} <= {file.name for file in (alone / "models").iterdir()}

    # Inner settings, so that an untrained network finds something.
    inner = ["--decoder#min_area_px", "3", "--decoder#threshold", "0.2"]
    images = ["--dataset_dir", str(sample / "images")]
    python(alone, *run, "--config_file", "configs/inference.json", *images, *inner, "--output_dir", "found")

    decoder = in_this_package(json.loads((alone / "models" / "train.json").read_text())["decoder"])
    made = workflow(
        name,
        "inference",
        **{"dataset_dir": str(sample / "images"), "output_dir": str(tmp_path / "here")},
        **{"weights": str(alone / "models" / "model.pt"), "ckpt_dir": str(tmp_path)},
        decoder={**decoder, "min_area_px": 3, "threshold": 0.2},
    )
    made.initialize()
    made.run()
    packed, unpacked = label_maps(alone / "found"), label_maps(tmp_path / "here")
    assert packed.keys() == unpacked.keys() and len(packed) == 8
    assert any(label_map.any() for label_map in packed.values()), "there is something to compare"
    for image in packed:
        np.testing.assert_array_equal(packed[image], unpacked[image])


ELSEWHERE = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import torch
from monai.bundle import ConfigWorkflow, load, verify_metadata, verify_net_in_out
dist, name, sample, schema = sys.argv[1:]
network = load(name, bundle_dir=dist, source="ngc", device="cpu", workflow_type="train")
weights = torch.load(f"{dist}/{name}/models/model.pt")
assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
assert type(network).__module__.split(".")[0] in (name, "monai"), type(network)
configs = Path(dist, name, "configs")
for config, kind in (("train", "train"), ("inference", "infer")):
    workflow = ConfigWorkflow(
        str(configs / f"{config}.json"), workflow_type=kind, output_dir="out",
        **(
            {"dataset_dir": sample, "mlflow": False, "ckpt_dir": "none"}
            if kind == "train" else {"dataset_dir": sample + "/images"}
        ),
    )
    workflow.initialize()
    assert workflow.check_properties() == [], workflow.check_properties()
    assert workflow.bundle_root == str(Path(dist, name)), workflow.bundle_root
workflow.run()
written = sorted(Path("out").glob("*.tif"))
assert len(written) == 8
import importlib, numpy, tifffile
segment = importlib.import_module(name).load_segmenter(device="cpu")
file = next(Path(sample, "images").glob(written[0].stem + ".*"))
image = importlib.import_module(name + ".readers").read_image(file)
channels = segment(image.pixels, axes="cyx", channel_names=image.channel_names)
numpy.testing.assert_array_equal(channels, tifffile.imread(written[0]))
meta = str(configs / "metadata.json")
verify_net_in_out("network_def", meta, str(configs / "inference.json"), device="cpu", p=1, n=2)
verify_metadata(meta, filepath=schema)
print("of the repository:", [module for module in sys.modules if module.split(".")[0] == "common"])
"""


@pytest.mark.parametrize("name", EACH)
def test_works_from_another_folder(packed_of, name: str, sample: Path, tmp_path: Path):
    """MONAI loads it, checks its workflows, segments, verifies its metadata; arrays give what files give."""
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(METADATA))
    dist = packed_of(name).folder.parent
    told = python(tmp_path, "-c", ELSEWHERE, str(dist), name, str(sample), str(schema))
    assert "of the repository: []" in told


def test_weights_for_any_number_of_channels_are_packed(packed_of):
    packed = packed_of("channelnet_cellvit").folder
    assert json.loads((packed / "configs/inference.json").read_text())["network_def"]["in_channels"] is None
    assert (packed / "models/model.pt").is_file()


def test_two_bundles_in_one_process(packed_of, tmp_path: Path):
    code = """
import sys, torch, warnings
warnings.simplefilter("ignore")
from monai.bundle import load
pairs = zip(sys.argv[1::2], sys.argv[2::2])
networks = [load(name, bundle_dir=dist, source="ngc", device="cpu").eval() for dist, name in pairs]
assert all(network(torch.zeros(1, 1, 64, 64)).shape == (1, 4, 64, 64) for network in networks)
print("packages", [type(network).__module__.split(".")[0] for network in networks])
"""
    words = [
        word for name in ("logsage", "resnet18_unet") for word in (str(packed_of(name).folder.parent), name)
    ]
    assert "packages ['logsage', 'resnet18_unet']" in python(tmp_path, "-c", code, *words)


@pytest.fixture
def alone_pair(packed_of: Callable[[str], Packed], tmp_path: Path) -> tuple[Path, Path]:
    """An older pack, whose code is other, and a newer one."""
    pair = tmp_path / "older", tmp_path / "newer"
    for folder in pair:
        shutil.unpack_archive(packed_of("resnet18_unet").archive, folder)
    inventory = pair[0] / "resnet18_unet" / "packed.json"
    content = json.loads(inventory.read_text())
    inventory.write_text(json.dumps({**content, "code_sha256": "0" * 64}))
    return pair


def test_beside_an_older_pack_of_the_same_bundle(alone_pair: tuple[Path, Path], tmp_path: Path):
    code = """
import sys, warnings
warnings.simplefilter("ignore")
from monai.bundle import load
for dist in sys.argv[1:]:
    try:
        load("resnet18_unet", bundle_dir=dist, source="ngc", device="cpu")
    except RuntimeError as error:
        while error.__cause__ is not None:
            error = error.__cause__
        print("refused:", error)
"""
    older, newer = alone_pair
    told = python(tmp_path, "-c", code, str(older), str(newer))
    assert told.count("refused:") == 1
    assert f"{newer / 'resnet18_unet'} is another version of the bundle resnet18_unet than" in told
    same = python(tmp_path, "-c", code, str(newer), str(newer))
    assert "refused" not in same


@pytest.mark.parametrize("name", ["resnet18_unet"])
def test_a_class_that_is_not_there_is_told_in_one_sentence(alone: Path, name: str, sample: Path):
    file = alone / "configs" / "inference.json"
    file.write_text(file.read_text().replace("decoders.CentreVotesDecoder", "decoders.CenterVotesDecoder"))
    command = [sys.executable, "-P", "-m", "monai.bundle", "run", "--config_file", "configs/inference.json"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--dataset_dir", str(sample / "images")],
        cwd=alone,
        env=env,
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert "configs/inference.json: decoder" in last and "CenterVotesDecoder" in last
    assert "did you mean resnet18_unet.decoders.CentreVotesDecoder?" in last


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) for name in BUNDLES])
def test_exports_itself(packed_of, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In all formats, within the tolerance: an image in, maps out, whatever the network has inside."""
    monkeypatch.chdir(ROOT)
    weights = packed_of(name).folder / "models" / "model.pt"
    if "sam_weights" in json.loads((ROOT / "bundles" / name / "configs" / "train.json").read_text()):
        with pytest.raises(ValueError, match="would have to hold the weights of its foundation model"):
            pack_bundle(ROOT / "bundles" / name, tmp_path, weights=weights, formats=["onnx"])
        return
    packed = pack_bundle(ROOT / "bundles" / name, tmp_path, weights=weights, formats=sorted(FORMATS))
    models = packed.folder / "models"
    told = json.loads((models / "exports.json").read_text())
    assert told.keys() == set(FORMATS.values())
    parser = ConfigParser()
    parser.read_config(f"bundles/{name}/configs/train.json")
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(weights))
    image = torch.rand(2, parser["network_def"]["in_channels"] or 3, 256, 256)
    with torch.no_grad():
        expected = network(image)
    for file in told:
        found = load_exported(models / file)(image)
        assert float((found - expected).abs().max()) <= TOLERANCE * max(1, float(expected.abs().max()))


@pytest.mark.parametrize("name", BUNDLES)
def test_the_metadata_requires_what_the_code_imports(name: str, monkeypatch: pytest.MonkeyPatch):
    """Whoever installs what a packed bundle's metadata says can run it."""
    monkeypatch.chdir(ROOT)
    rooms = rooms_needed(flat_configs(ROOT / "bundles" / name), name)
    files = [file for room in rooms for file in (ROOT / "common" / room).rglob("*.py")]
    metadata = json.loads((ROOT / "bundles" / name / "configs" / "metadata.json").read_text())
    named = {MODULES.get(package, package) for package in metadata["required_packages_version"]}
    # MONAI's Swin Transformer imports einops; the three have keys of their own.
    assert imported(files) - {"torch", "monai", "numpy"} == named - {"einops"}


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server on this machine with the paths that GitHub has, and its folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.filterwarnings("ignore:No hash value provided")  # MONAI's, of its own call
def test_monai_downloads_it(packed_of, releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the name that `monai.bundle download --source github` makes of name and version."""
    address, folder = releases
    packed = packed_of("resnet18_unet")
    version = json.loads((packed.folder / "configs" / "metadata.json").read_text())["version"]
    place = folder / "me" / "nuclei" / "releases" / "download" / "v1"
    place.mkdir(parents=True)
    shutil.copy(packed.archive, place / f"resnet18_unet_v{version}.zip")
    there = monai.bundle.scripts._get_git_release_url("me", "nuclei", "v1", f"resnet18_unet_v{version}.zip")
    monkeypatch.setattr(
        monai.bundle.scripts,
        "_get_git_release_url",
        lambda repo_owner, repo_name, tag_name, filename: there.replace("https://github.com", address),
    )
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monai.bundle.download(
        name="resnet18_unet", version=version, bundle_dir=tmp_path / "got", source="github",
        repo="me/nuclei/v1", progress=False,
    )  # fmt: skip
    got = tmp_path / "got" / "resnet18_unet"
    files = json.loads((got / "packed.json").read_text())["files"]
    assert {"LICENSE", "configs/metadata.json", "docs/README.md", "models/model.pt"} <= files.keys()
    for file in files:
        assert (got / file).read_bytes() == (packed.folder / file).read_bytes()
