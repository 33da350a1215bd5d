"""Every fault is said in one sentence with file, id and cause; bundles in order pass (tests/bundles)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.check import check

from .conftest import edit, read

TRAIN, METADATA = "bundles/small/configs/train.json", "bundles/small/configs/metadata.json"


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Make a step that replaces a text, which must be there, in a file of the repository's copy."""

    def spoil(folder: Path) -> None:
        path = folder.parents[1] / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def change(name: str, key: str, **values: object) -> Callable[[Path], None]:
    """Make a step that changes entries of a top-level block of one of the bundle's files."""
    return lambda folder: edit(folder, name, key, read(folder, name)[key] | values)


def put(name: str, key: str, value: object) -> Callable[[Path], None]:
    """Make a step that puts a value at a top-level key of one of the bundle's files."""
    return lambda folder: edit(folder, name, key, value)


def overlay(**content: object) -> Callable[[Path], None]:
    """Make a step that writes an ablation."""

    def write(folder: Path) -> None:
        (folder / "configs" / "ablations").mkdir()
        (folder / "configs" / "ablations" / "mine.json").write_text(json.dumps(content))

    return write


def describe(side: str, name: str, count: int, names: int) -> Callable[[Path], None]:
    """Make a step that changes how many channels the metadata say there are."""

    def write(folder: Path) -> None:
        formats = read(folder, "metadata")["network_data_format"]
        formats[side][name] |= {"num_channels": count, "channel_def": {str(i): "c" for i in range(names)}}
        edit(folder, "metadata", "network_data_format", formats)

    return write


MINE = "bundles/small/configs/ablations/mine.json"
UNET = {
    **{"_target_": "monai.networks.nets.UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 4},
    **{"channels": [4, 8, 8], "strides": [1, 2]},
}
SGD = {"_target_": "torch.optim.SGD", "params": "$@network.parameters()", "lr": "@learning_rate"}
# What is done to the bundle `small`, and the sentence: seen without building, then by building and running.
WRITTEN = {
    "class": (
        change("train", "loss", _target_="common.losses.InstanceMapLoss"),
        f"{TRAIN}: loss: there is no common.losses.InstanceMapLoss: did you mean "
        "common.losses.InstanceMapsLoss?",
    ),
    "module": (
        change("train", "loss", _target_="common.loses.InstanceMapsLoss"),
        f"{TRAIN}: loss: there is no common.loses.InstanceMapsLoss: did you mean "
        "common.losses.InstanceMapsLoss?",
    ),
    "monai": (
        replace("common/configs/train.json", '"RandAdjustContrastd"', '"RandAdjustContrast_d"'),
        "common/configs/train.json: augmentation::transforms::1: there is no RandAdjustContrast_d in "
        "MONAI: did you mean",
    ),
    "argument": (
        change("train", "network_def", chanels=[1]),
        f"{TRAIN}: network_def: monai.networks.nets.UNet has no argument 'chanels': did you mean channels?",
    ),
    "missing argument": (
        put("train", "targets", {"_target_": "common.transforms.InstanceTargetsd", "keys": "label"}),
        f"{TRAIN}: targets: common.transforms.InstanceTargetsd needs the argument 'maps'",
    ),
    "reference": (
        put("train", "optimizer", {**SGD, "lr": "@learning_rat"}),
        f"{TRAIN}: optimizer::lr: @learning_rat refers to what is not there: did you mean @learning_rate?",
    ),
    "inner reference": (
        replace("common/configs/train.json", '"@train::handlers"', '"@train::handler"'),
        "common/configs/train.json: train::trainer::train_handlers: @train::handler refers to what is not "
        "there: did you mean @train::handlers?",
    ),
    "macro's file": (
        put("train", "network", "%common/configs/trian.json::network"),
        f"{TRAIN}: network: '%common/configs/trian.json::network' includes "
        "common/configs/trian.json, which is "
        "not there: did you mean common/configs/train.json?",
    ),
    "macro's id": (
        put("train", "network", "%common/configs/train.json::netwrk"),
        f"{TRAIN}: network: '%common/configs/train.json::netwrk' includes netwrk, which "
        "common/configs/train.json "
        "does not have: did you mean network?",
    ),
    "JSON": (replace(TRAIN, '"seed": 0,', '"seed": 0'), f"{TRAIN}, line "),
    "key twice": (replace(TRAIN, '"seed": 0,', '"seed": 0, "epochs": 1,'), f"{TRAIN}: 'epochs' stands twice"),
    "expression": (
        put("train", "optimizer", {**SGD, "params": "$@network.parameters("}),
        f"{TRAIN}: optimizer::params: '$@network.parameters(' is no Python",
    ),
    "overlay's key": (overlay(los={}), "bundles/small/configs/ablations/mine.json sets 'los'"),
    "overlay's class": (
        overlay(decoder={"_target_": "common.decoders.Component"}),
        "bundles/small/configs/ablations/mine.json: decoder: there is no common.decoders.Component",
    ),
    "inference": (
        put("inference", "decoder", {"_target_": "common.decoders.ComponentsDecoder"}),
        "bundles/small/configs/inference.json: decoder: does not follow from train.json: run "
        "python -m scripts.check small --mend",
    ),
    "metadata's key": (
        replace(METADATA, '"monai_version"', '"monai_versoin"'),
        f"{METADATA}: monai_version is missing",
    ),
    "metadata's names": (
        describe("outputs", "pred", 4, 3),
        f"{METADATA}: network_data_format::outputs::pred::channel_def names 3 channels, num_channels is 4",
    ),
}
BUILT = {
    "value": (
        change("train", "inferer", tile_px=500),
        f"{TRAIN}: inferer: tile_px 500 is not a multiple of 8: try 496",
    ),
    "maps": (
        change("train", "network_def", out_channels=5),
        f"{TRAIN}: network_def: puts out 5 maps, but {METADATA} says "
        "network_data_format::outputs::pred::num_chann",
    ),
    "more maps": (
        lambda folder: (
            change("train", "network_def", out_channels=5)(folder),
            describe("outputs", "pred", 5, 5)(folder),
        ),
        f"{TRAIN}: loss: never trains map 4 of 5",
    ),
    "loss": (
        overlay(
            loss={"_target_": "common.losses.InstanceMapsLoss", "channels": {"foreground": 7}, "beta": 0}
        ),
        "bundles/small/configs/ablations/mine.json: loss: on maps (2, 4, 64, 64) and targets "
        "(2, 4, 64, 64): the "
        "output has 4 channels, but channel 7 is named",
    ),
    "decoder": (
        change("train", "decoder", offsets=[2, 7]),
        f"{TRAIN}: decoder: the decoder looks for a map that is not there (index 7 is out of bounds",
    ),
    "decoder on a network that finds nothing and does not say how many maps it has": (
        lambda folder: (
            change("train", "decoder", offsets=[2, 7])(folder),
            put("train", "network_def", {"_target_": "finds_nothing.Network", "in_channels": 1})(folder),
        ),
        f"{TRAIN}: decoder: on maps (1, 4, 97, 83): ",
    ),
    "overlay's maps": (
        overlay(network_def={**UNET, "out_channels": 3}),
        f"{MINE} changes network_def, which does not fit {TRAIN}: decoder: the decoder looks for a map",
    ),
    "overlay's maps and the loss": (
        overlay(
            network_def={**UNET, "out_channels": 2}, decoder={"_target_": "common.decoders.ComponentsDecoder"}
        ),
        f"{MINE} changes decoder, network_def, which does not fit {TRAIN}: loss: on maps (2, 2, 64, 64) and",
    ),
    "overlay without what the wiring needs": (
        overlay(network_def={"_target_": "torch.nn.Identity"}),
        f"{MINE} changes network_def, which does not fit common/configs/train.json: data::lists::in_chann",
    ),
    "option": (put("train", "crop_px", 65), f"{TRAIN}: --crop_px must be a multiple of 8"),
    "divisor": (
        lambda folder: (
            change("train", "inferer", divisor=1)(folder),
            change("train", "network_def", channels=[4, 8, 8, 8], strides=[1, 2, 2])(folder),
        ),
        f"{TRAIN}: inferer: on an image (1, 1, 97, 83): ",
    ),
    "image's channels": (
        describe("inputs", "image", 3, 3),
        f"{METADATA} says network_data_format::inputs::image",
    ),
}


@pytest.fixture(autouse=True)
def finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give configurations a network that finds no nucleus."""
    (tmp_path / "finds_nothing.py").write_text(
        "from monai.networks.nets import UNet\n"
        "class Network(UNet):\n"
        "    def __init__(self, in_channels):\n"
        "        super().__init__(2, in_channels, 4, [4, 8, 8], [1, 2])\n"
        "    def forward(self, image):\n"
        "        return super().forward(image) - 1e6\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("fault", [*WRITTEN, *BUILT])
def test_a_fault_is_one_sentence_with_file_id_and_cause(small: Path, fault: str) -> None:
    spoil, sentence = (WRITTEN | BUILT)[fault]
    spoil(small)
    with pytest.raises(ValueError, match=re.escape(sentence)) as raised:
        check("small")
    assert "\n" not in str(raised.value)


def test_an_overlay_of_ones_own(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"decoder": {"_target_": "common.decoders.WatershedDecoder", "distance": 1}}))
    check("bundles/small", overlay=str(file))
    assert f"ok {file.as_posix()}" in capsys.readouterr().out
    file.write_text(json.dumps({"optimizer": {"_target_": "torch.optim.SDG"}}))
    with pytest.raises(
        ValueError, match=r"mine.json: optimizer: there is no torch.optim.SDG: did you mean torch.optim.SGD"
    ):
        check("small", overlay=str(file))


def test_side_maps_that_are_there_in_training_alone(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The metadata tell what inference gets; a loss that does not read them leaves them idle."""
    loss = read(small, "train")["loss"]
    network = {
        **{"_target_": "common.networks.UNet3Plus", "in_channels": 1, "out_channels": 4},
        **{"features": [4, 8], "branch_features": 4, "deep_supervision": True},
    }
    put("train", "network_def", network)(small)
    with pytest.raises(ValueError, match=r"loss: never trains map 4, 5, 6, 7 of 8"):
        check("small")
    put("train", "loss", {"_target_": "common.losses.SideMapsLoss", "maps": 4, "loss": loss})(small)
    check("small")
    assert f"ok {TRAIN}" in capsys.readouterr().out


def test_an_overlay_for_images_of_other_channels(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as a network for H&E: it is tried on images that have as many."""
    overlay(network_def=UNET | {"in_channels": 3}, channels="0,1,2")(small)
    check("small")
    assert f"ok {MINE}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"epochs": 3,}', r"mine.json, line 1, column 1[34]: no JSON: .*: take away the comma"),
        ('{"epochs":\n three}', r"mine.json, line 2, column 2: no JSON"),
        ("", r"mine.json is empty"),
        ("[1, 2]", r"mine.json, line 1: it must be an object, .* not a list"),
    ],
)
def test_a_broken_overlay_is_named_with_line_and_column(
    small: Path, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        check("small", overlay=str(file))


def test_inference_can_be_made_anew(small: Path) -> None:
    before = {file: file.read_text("utf-8") for file in (small / "configs").iterdir()}
    put("inference", "decoder", {"_target_": "common.decoders.ComponentsDecoder"})(small)
    (small / "configs" / "metadata.json").write_text(json.dumps(read(small, "metadata")), encoding="utf-8")
    check("small", mend=True)
    assert {file: file.read_text("utf-8") for file in (small / "configs").iterdir()} == before


def test_no_such_bundle(copy_of_repository: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no bundle 'logsagr': did you mean logsage"):
        check("logsagr")


def test_nothing_is_written(small: Path) -> None:
    before = sorted(small.parents[1].rglob("*"))
    check("small")
    assert sorted(small.parents[1].rglob("*")) == before
