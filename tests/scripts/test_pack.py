"""What a packed folder and archive hold, and what is refused; tests/bundles/test_packed.py runs them."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from common.bundle_config import bundle_parser, read_json
from common.engine.trained import write_tuned
from common.packing import load_exported, pack_bundle
from common.packing import pack as packing
from scripts.pack import pack

from .conftest import edit, read


def drawn_weights(folder: Path, file: Path) -> Path:
    """Write weights that fit a bundle's network."""
    network = bundle_parser(folder.resolve()).get_parsed_content("network_def")
    torch.save(network.state_dict(), file)
    return file


def trained(folder: Path, place: Path, **settings: object) -> Path:
    """Write weights with the settings of their training beside them, as a training leaves them."""
    place.mkdir()
    config = {**bundle_parser(folder.resolve(), "train.json").get(), **settings}
    (place / "train.json").write_text(json.dumps(config))
    return drawn_weights(folder, place / "model.pt")


def configs_of(folder: Path) -> dict[str, dict]:
    files = [file for file in (folder / "configs").rglob("*.json") if file.name != "metadata.json"]
    return {file.relative_to(folder / "configs").as_posix(): read_json(file) for file in files}


def test_the_folder_has_all_and_nothing_of_the_repository(small: Path):
    (archive,) = pack("small")
    folder = Path("dist/small")
    assert archive == Path("dist/small.zip")
    with zipfile.ZipFile(archive) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    there = {f"small/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*") if file.is_file()}
    assert inside.keys() == there
    assert {"small/LICENSE", "small/docs/README.md", "small/small/__init__.py"} <= there
    assert not any("models" in name for name in there), "there are no weights"
    for room in ("conversions", "experiments", "peers", "packing", "configs"):
        assert not (folder / "small" / room).exists(), room
    for name, content in configs_of(folder).items():
        text = json.dumps(content)
        assert not re.search(r'"%|common\.|bundles/', text), name
    assert "bundles/small/" not in (folder / "docs" / "README.md").read_text()
    assert "configs/train.json" in (folder / "docs" / "README.md").read_text()


def test_two_packs_are_the_same_bytes(small: Path):
    pack("small", output="one")
    weights = drawn_weights(small, Path("drawn.pt"))
    first = pack("small", output="one", weights=str(weights))[0].read_bytes()  # replaces the earlier one
    assert pack("small", output="two", weights=str(weights))[0].read_bytes() == first


def test_a_deep_setting_can_be_changed(small: Path):
    pack("small")
    workflow = ConfigWorkflow(
        "dist/small/configs/inference.json", workflow_type="inference", logging_file=False,
        **{"network_def#channels": [4, 8, 16], "postprocessing::transforms::1::enabled": False},
    )  # fmt: skip
    assert workflow.parser["network_def"]["channels"] == [4, 8, 16]
    workflow.parser.parse(reset=True)
    network = workflow.parser.get_parsed_content("network_def")
    assert any(16 in value.shape for value in network.state_dict().values())


def test_what_the_training_used_stands_in_the_packed_files(small: Path, tmp_path: Path):
    place = tmp_path / "training"
    intensity = {**read(small, "train")["intensity"], "upper": 99.0}
    settings = {"channels": "DAPI", "intensity": intensity, "dataset_dir": str(tmp_path / "secret" / "mine")}
    weights = trained(small, place, training_images={"contrast": [0.1, 0.2]}, **settings)
    decoder = {**read(small, "train")["decoder"], "min_area_px": 77}
    write_tuned(weights, decoder, {})
    pack("small", weights=str(weights))
    packed = Path("dist/small")
    for name in ("train.json", "inference.json"):
        config = configs_of(packed)[name]
        assert config["channels"] == "DAPI" and config["intensity"]["upper"] == 99.0
        assert config["decoder"]["min_area_px"] == 77
        assert config["decoder"]["_target_"].startswith("small.decoders.")
    beside = read_json(packed / "models" / "train.json")
    assert beside["training_images"] == {"contrast": [0.1, 0.2]}
    assert beside["dataset_dir"] == "mine" and beside["decoder"]["min_area_px"] == 77
    everything = b"".join(file.read_bytes() for file in packed.rglob("*") if file.is_file())
    assert str(tmp_path).encode() not in everything, "nobody needs the folders of this machine"


def test_a_checkpoint_travels_without_its_optimizer(small: Path):
    state = torch.load(drawn_weights(small, Path("drawn.pt")))
    torch.save({"network": state, "optimizer": {"lr": 1.0}}, "last.pt")
    archives = [pack("small", output=output, weights="last.pt")[0] for output in ("one", "two")]
    assert archives[0].read_bytes() == archives[1].read_bytes()
    packed = torch.load("one/small/models/model.pt", weights_only=True)
    assert packed.keys() == state.keys() and all(torch.equal(packed[key], state[key]) for key in state)


def test_released_weights_are_packed_and_a_training_is_only_told(
    small: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    Path("runs/small").mkdir(parents=True)
    drawn_weights(small, Path("runs/small/model.pt"))
    pack("small")
    assert "add --weights runs/small/model.pt" in caplog.text
    (small / "models").mkdir()
    drawn_weights(small, small / "models" / "model.pt")
    pack("small")
    assert Path("dist/small/models/model.pt").read_bytes() == (small / "models" / "model.pt").read_bytes()


def test_every_bundle_is_packed(small: Path):
    assert pack(all=True) == [Path("dist/logsage.zip"), Path("dist/small.zip")]
    overlay = configs_of(Path("dist/logsage"))["as_published.json"]
    assert overlay["network_def"]["_target_"] == "logsage.networks.LoGSAGE"


def test_the_code_that_is_packed_is_what_the_settings_name(small: Path):
    """The locator finds every class, and no room is left out that another imports."""
    pack("small")
    root = Path("dist/small/small")
    named = {
        found.split(".")[1]
        for content in configs_of(Path("dist/small")).values()
        for found in re.findall(r"small\.\w+", json.dumps(content))
    }
    assert named and all((root / room / "__init__.py").is_file() for room in named)


FOREIGN = "move it away, or name another --output"


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ("dist/small/thesis.txt", f"dist/small holds something else than a packed bundle: {FOREIGN}"),
        ("dist/small.zip", f"dist/small.zip is no packed bundle: {FOREIGN}"),
        ("dist", "dist is a file: name a folder as --output"),
    ],
)
def test_something_else_in_the_output_stays(small: Path, put: str, told: str):
    Path(put).parent.mkdir(parents=True, exist_ok=True)
    Path(put).write_text("years of work")
    with pytest.raises(FileExistsError, match=re.escape(told)):
        pack("small")
    assert Path(put).read_text() == "years of work"


def test_what_came_or_changed_after_packing_stays(small: Path):
    pack("small")
    cache = Path("dist/small/small/__pycache__")
    cache.mkdir()
    (cache / "a.pyc").write_text("compiled")
    pack("small")  # what Python compiles is nobody's work
    config, lost = Path("dist/small/configs/train.json"), "after packing, and would be lost"
    config.write_text(config.read_text().replace('"epochs": ', '"epochs": 1'))
    with pytest.raises(
        FileExistsError, match="configs/train.json was changed after packing, and would be lost"
    ):
        pack("small")
    Path("dist/small/configs/train.json").unlink()
    Path("dist/small/models").mkdir()
    Path("dist/small/models/model.pt").write_text("trained in there")
    with pytest.raises(FileExistsError, match=f"models/model.pt came {lost}"):
        pack("small")


def test_a_pack_that_fails_leaves_what_was_there(small: Path, monkeypatch: pytest.MonkeyPatch):
    archive = pack("small")[0].read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(packing, "write_inventory", full)
    for output in ("dist", "new"):
        with pytest.raises(OSError, match="no space"):
            pack("small", output=output)
    assert sorted(path.name for path in Path("dist").iterdir()) == ["small", "small.zip"]
    assert Path("dist/small.zip").read_bytes() == archive and Path("dist/small/packed.json").is_file()
    assert not list(Path("new").iterdir())


def test_weights_that_do_not_fit(small: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="there is no file of weights gone.pt"):
        pack("small", weights="gone.pt")
    state = torch.load(drawn_weights(small, Path("drawn.pt")))
    torch.save({key: value for key, value in list(state.items())[1:]}, "short.pt")
    with pytest.raises(ValueError, match=r"short.pt does not fit the network \('.*' missing\)"):
        pack("small", weights="short.pt")
    other = trained(small, tmp_path / "other", bundle_root="bundles/logsage", bundle_name="logsage")
    with pytest.raises(ValueError, match="these are weights of logsage, not of small"):
        pack("small", weights=str(other))
    Path("text.pt").write_text("no weights")
    with pytest.raises(ValueError, match="text.pt cannot be read as weights"):
        pack("small", weights="text.pt")
    assert not Path("dist").exists()


def test_a_name_that_python_cannot_import(small: Path):
    small.rename(small.with_name("my-net"))
    with pytest.raises(ValueError, match="'my-net' cannot be packed.*to my_net for example"):
        pack("my-net")
    with pytest.raises(FileNotFoundError, match="there is no bundle 'smal'"):
        pack("smal")


def test_a_class_that_is_not_there_is_told_before_anything_is_written(small: Path):
    edit(small, "train", "network_def", {"_target_": "common.networks.LogSage", "in_channels": 1})
    slip = "bundles/small/configs/train.json: network_def: there is no common.networks.LogSage"
    with pytest.raises(ValueError, match=f"{slip}.* did you mean common.networks.LoGSAGE?"):
        pack("small")
    assert not Path("dist").exists()


def test_the_network_is_exported_beside_the_weights(small: Path):
    weights = drawn_weights(small, Path("drawn.pt"))
    archives = [
        pack("small", output=output, weights=str(weights), format="torch_export,torchscript")[0]
        for output in ("one", "two")
    ]
    assert archives[0].read_bytes() == archives[1].read_bytes()
    told = read_json("one/small/models/exports.json")
    assert told["model.ts"]["takes"] == "any batch, height and width any multiples of 8 px"
    network = bundle_parser(small.resolve()).get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(weights))
    image = torch.rand(1, 1, 40, 24)
    for file in ("model.ts", "model.pt2"):
        found = load_exported(Path("one/small/models") / file)(image)
        torch.testing.assert_close(found, network(image), atol=1e-5, rtol=1e-4)


def test_only_a_trained_network_is_exported(small: Path):
    told = "--format onnx exports a trained network, and small has no weights: add --weights FILE"
    with pytest.raises(ValueError, match=told):
        pack("small", format="onnx")
    with pytest.raises(ValueError, match="there is no --format 'onix'"):
        pack("small", format="onix")
    assert not Path("dist").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "name a bundle, or pack every one with --all"),
        ({"bundle": "small", "all": True}, "--all packs every bundle: leave small out, or --all"),
        ({"weights": "a.pt", "all": True}, "--weights a.pt are of one bundle: name it, and leave --all out"),
    ],
)
def test_what_does_not_go_together(small: Path, options: dict, told: str):
    with pytest.raises(ValueError, match=re.escape(told)):
        pack(**options)


def test_the_first_network_of_a_cascade_travels_with_it(repository: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(repository)
    folder = pack_bundle(repository / "bundles" / "cascaded_unet", tmp_path).folder
    config = configs_of(folder)
    assert config["train.json"]["stage1"]["config_file"] == "$@bundle_root + '/configs/weighted_unet.json'"
    published = config["as_published.json"]["stage1"]["config_file"]
    assert published[1] == "$@bundle_root + '/configs/weighted_unet_as_published.json'"
    assert {"weighted_unet.json", "weighted_unet_as_published.json"} <= config.keys()
    parser = ConfigParser(config["weighted_unet.json"])
    assert parser["train"]["trainer"]["_target_"] == "SupervisedTrainer"
    assert parser["data"]["lists"]["_target_"] == "cascaded_unet.datalists.RunData"
