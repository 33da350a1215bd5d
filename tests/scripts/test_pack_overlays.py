"""Weights of a training with overlays or other channels: what is packed describes, teaches and runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, verify_net_in_out
from monai.data import MetaTensor
from PIL import Image

from common.bundle_config import (
    bundle_parser,
    check_metadata,
    in_this_package,
    read_json,
    rewrite_configs,
    written,
)
from common.engine.segmentation import load_segmenter
from common.label_server import ServedBundle, fine_tune
from common.packing.image_to_labels import drawn_image
from common.sample import make_image
from scripts.check import check
from scripts.pack import pack

from .conftest import edit, read

CELLS = Path("bundles/channelnet_cellvit/configs/whole_cells.json")
MASK = {
    "targets": {"_target_": "common.transforms.InstanceTargetsd", "keys": "label", "maps": ["foreground"]},
    "loss": {"_target_": "DiceLoss", "sigmoid": True},
    "decoder": {"_target_": "common.decoders.ComponentsDecoder", "min_area_px": 4, "threshold": 0.52},
    "crop_px": 96,
}


@pytest.fixture
def overlay(repository: Path) -> dict[str, Any]:
    """The items of `whole_cells.json` that any network of eight maps can have."""
    content = read_json(repository / CELLS)
    parts = {part: {**content["decoder"][part], "min_area_px": 4} for part in ("nuclei", "cells")}
    return {
        "label_keys": content["label_keys"],
        "loss": content["loss"],
        "decoder": {**content["decoder"], **parts},
    }


def trained(bundle: Path, place: Path, *, network: dict[str, Any] | None = None, **settings: Any) -> Path:
    """Write weights drawn by chance, with the settings of a training that was no other than they say."""
    torch.manual_seed(0)
    own = dict(bundle_parser(bundle.resolve(), "train.json").get())
    config = {**own, "network_def": {**own["network_def"], **(network or {})}, **settings}
    place.mkdir()
    (place / "train.json").write_text(json.dumps(config))
    network_def = ConfigParser({"it": config["network_def"]}).get_parsed_content("it")
    torch.save(network_def.state_dict(), place / "model.pt")
    return place / "model.pt"


def packed(*names: str) -> Any:
    return read_json(Path("dist/small", *names))


def in_order(repository: Path) -> None:
    """Hold the packed metadata against the specification, and against the packed network, as MONAI does."""
    metadata = Path("dist/small/configs/metadata.json")
    check_metadata(metadata)
    jsonschema.validate(read_json(metadata), read_json(repository / "common/configs/metadata_schema.json"))
    verify_net_in_out(
        "network_def", str(metadata), "dist/small/configs/inference.json", device="cpu", p=1, n=2
    )


def test_whole_cells_are_described_taught_and_kept(
    small: Path, overlay: dict[str, Any], tmp_path: Path, repository: Path
) -> None:
    edit(small, "metadata", "eval_metrics", {"cells test": {"pq": 0.9}})
    weights = trained(small, tmp_path / "training", network={"out_channels": 8}, **overlay)
    pack("small", weights=str(weights))
    in_order(repository)
    metadata = packed("configs", "metadata.json")
    pred = metadata["network_data_format"]["outputs"]["pred"]
    assert pred["num_channels"] == 8
    assert pred["channel_def"]["2"] == "cells: foreground (logit)"
    assert pred["channel_def"]["4"] == "nuclei: row offset to the centre, in 10 px"
    assert "whole cells" in metadata["pred_classes"] and "NucleiInCells" in metadata["description"]
    assert metadata["eval_metrics"] == {}, "scores of released weights are not theirs"
    # Whoever trains on from here teaches the maps what they are.
    config = packed("configs", "train.json")
    assert in_this_package(config["loss"]) == overlay["loss"]
    assert config["label_keys"] == ["label", "cell_label"]
    assert in_this_package(config["decoder"]) == overlay["decoder"]
    document = Path("dist/small/docs/README.md").read_text()
    assert "cells: foreground (logit)" in document and "`NucleiInCells`" in document
    assert read(small, "metadata")["network_data_format"]["outputs"]["pred"]["num_channels"] == 4, "as it was"


def test_the_bundles_own_maps_stay_as_they_are_described(small: Path, tmp_path: Path) -> None:
    pack("small", weights=str(trained(small, tmp_path / "training")))
    own, found = read(small, "metadata"), packed("configs", "metadata.json")
    assert found == own | {"data_source": "images of whoever trained the weights"}
    assert "other settings" not in found["description"]


def test_other_maps_channels_and_sizes(small: Path, tmp_path: Path, repository: Path) -> None:
    weights = trained(
        small, tmp_path / "training", network={"in_channels": 2, "out_channels": 1}, channels="DAPI,CD3",
        inferer={**read(small, "train")["inferer"], "divisor": 16}, **MASK,
    )  # fmt: skip
    pack("small", weights=str(weights))
    in_order(repository)
    metadata = packed("configs", "metadata.json")
    image, pred = (
        metadata["network_data_format"][side][name]
        for side, name in (("inputs", "image"), ("outputs", "pred"))
    )
    assert (image["num_channels"], list(image["channel_def"].values())) == (2, ["DAPI", "CD3"])
    assert (pred["num_channels"], list(pred["channel_def"].values())) == (1, ["foreground (logit)"])
    assert image["spatial_shape"] == pred["spatial_shape"] == ["16*n", "16*n"]
    assert "1 map (foreground (logit)), decoded by ComponentsDecoder" in metadata["description"]
    config = packed("configs", "train.json")
    assert config["targets"]["maps"] == ["foreground"] and config["loss"] == MASK["loss"]
    assert config["crop_px"] == 96


def test_stained_sections_are_told_from_fluorescence_by_what_the_training_measured(
    small: Path, tmp_path: Path
) -> None:
    dark = {f"contrast_{channel}": [-0.8, -0.2] for channel in range(3)}
    weights = trained(
        small, tmp_path / "training", network={"in_channels": 3}, channels="0,1,2", training_images=dark
    )
    pack("small", weights=str(weights))
    image = packed("configs", "metadata.json")["network_data_format"]["inputs"]["image"]
    assert list(image["channel_def"].values()) == ["red", "green", "blue"]
    assert image["modality"] == "bright field"


def test_a_number_that_the_targets_name_comes_along(small: Path, tmp_path: Path) -> None:
    edit(small, "train", "border_weight", 10)
    steps = [
        {"_target_": "common.transforms.BorderWeightsd", "keys": "label", "border_weight": "@border_weight"}
    ]
    targets = {"_target_": "Compose", "transforms": [*steps, read(small, "train")["targets"]]}
    pack("small", weights=str(trained(small, tmp_path / "training", targets=targets, border_weight=3)))
    config = packed("configs", "train.json")
    assert config["border_weight"] == 3 and len(config["targets"]["transforms"]) == 2


def test_a_word_that_the_targets_name_comes_along_and_a_folder_does_not(small: Path, tmp_path: Path) -> None:
    edit(small, "train", "border_classes", "equal")
    edit(small, "train", "sam_cache", "runs/features")
    weigh = {"_target_": "common.transforms.BorderWeightsd", "keys": "label", "classes": "@border_classes"}
    targets = {"_target_": "Compose", "transforms": [weigh, read(small, "train")["targets"]]}
    own = {"targets": targets, "before_cropping": ["$@sam_cache"], "border_classes": "balanced"}
    pack("small", weights=str(trained(small, tmp_path / "training", **own, sam_cache="/mine")))
    config = packed("configs", "train.json")
    assert config["border_classes"] == "balanced" and config["sam_cache"] == "runs/features"


def test_the_stains_of_a_reference_come_along_without_its_file(small: Path, tmp_path: Path) -> None:
    picture = tmp_path / "reference.png"
    Image.fromarray(make_image("he", (96, 160), seed=5)[0].transpose(1, 2, 0)).save(picture)
    intensity = {"_target_": "common.transforms.StainNormalised", "keys": "image", "reference": str(picture)}
    weights = trained(small, tmp_path / "training", network={"in_channels": 3}, intensity=intensity)
    pack("small", weights=str(weights))
    assert not [file for file in Path("dist/small").rglob("*.json") if "reference.png" in file.read_text()]
    expected = ConfigParser({"it": intensity}).get_parsed_content("it")
    picture.unlink()
    taken = in_this_package(packed("configs", "inference.json")["intensity"])
    found = ConfigParser({"it": taken}).get_parsed_content("it")
    np.testing.assert_array_equal(found.stains, expected.stains)
    np.testing.assert_array_equal(found.amounts, expected.amounts)


def test_maps_of_ones_own_are_numbered(small: Path, tmp_path: Path) -> None:
    weights = trained(
        small, tmp_path / "training", network={"out_channels": 2}, decoder=MASK["decoder"],
        targets={"_target_": "Identityd", "keys": "label"},
    )  # fmt: skip
    pack("small", weights=str(weights))
    pred = packed("configs", "metadata.json")["network_data_format"]["outputs"]["pred"]
    assert pred["num_channels"] == 2 and pred["channel_def"]["1"].startswith("map 1, see targets and loss in")


def test_qupath_gets_nuclei_and_cells_with_one_number(
    small: Path, overlay: dict[str, Any], tmp_path: Path
) -> None:
    """Replayed from the extension's InstanSegOutputToObjectConverter and MatTranslator, version 0.1.6."""
    weights = trained(small, tmp_path / "training", network={"out_channels": 8}, **overlay)
    pack("small", weights=str(weights), format="qupath,bioimageio", pixel_size_um=0.5)
    program = torch.jit.load("dist/small_qupath/instanseg.pt")
    segment = load_segmenter(weights, device="cpu", amp=False)
    image = drawn_image(1, 181, 233)
    found = program(image)
    assert found.dtype == torch.float32 and found.shape == (1, 2, 181, 233)
    with torch.no_grad():
        maps = segment._inferer(image, segment.network)[0]
    expected = np.asarray(segment._to_label_map({"image": MetaTensor(image[0]), "pred": maps})["pred_map"])
    np.testing.assert_array_equal(found[0].numpy(), expected)
    nuclei, cells = found[0].numpy().astype(np.int32)
    assert nuclei.max() > 3 and cells.max() >= nuclei.max()
    # A cell and its nucleus are found by one number, cells first: no nucleus may be without.
    assert set(np.unique(nuclei)) <= set(np.unique(cells)) == set(range(cells.max() + 1))
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    # Where one of the two is ticked, the other is asked not to come.
    for wanted, plane in (([1, 0], nuclei), ([0, 1], cells)):
        one = program(image, {"target_segmentation": torch.tensor([wanted], dtype=torch.int32)})
        np.testing.assert_array_equal(one.numpy(), plane[None, None])
    described = json.loads(Path("dist/small_qupath/rdf.yaml").read_text())
    channel = {axis["type"]: axis for axis in described["outputs"][0]["axes"]}["channel"]
    assert channel["channel_names"] == ["nuclei", "cells"]
    assert np.load("dist/small_qupath/labels.npy").shape == (1, 2, 256, 256)
    assert "the second of whole cells" in Path("dist/small_qupath/small_README.md").read_text()


def test_components_go_to_qupath_too(small: Path, tmp_path: Path) -> None:
    weights = trained(small, tmp_path / "training", network={"out_channels": 1}, **MASK)
    pack("small", weights=str(weights), format="qupath", pixel_size_um=0.5)
    labels = torch.jit.load("dist/small_qupath/instanseg.pt")(drawn_image(1, 100, 120))
    assert labels.shape == (1, 1, 100, 120) and labels.max() > 3


def test_what_cannot_leave_python_is_named_with_what_works(
    small: Path, overlay: dict[str, Any], tmp_path: Path
) -> None:
    overlay["decoder"]["cells"] = {
        "_target_": "common.decoders.WatershedDecoder",
        "foreground": 2,
        "distance": 3,
    }
    weights = trained(small, tmp_path / "training", network={"out_channels": 8}, **overlay)
    with pytest.raises(ValueError, match="^WatershedDecoder cannot leave Python.*--formats geojson"):
        pack("small", weights=str(weights), format="qupath", pixel_size_um=0.5)


def test_a_served_bundle_that_finds_cells_is_not_trained_on_nuclei(
    small: Path, overlay: dict[str, Any], tmp_path: Path
) -> None:
    weights = trained(small, tmp_path / "training", network={"out_channels": 8}, **overlay)
    pack("small", weights=str(weights))
    bundle = ServedBundle(Path("dist/small").resolve(), tmp_path / "learnt")
    with pytest.raises(ValueError, match="small is served with weights that find whole cells too"):
        fine_tune(bundle, [{"image": "a.tif", "label": "a_label.tif"}])
    assert not (tmp_path / "learnt").exists()


def test_the_check_finds_maps_that_are_called_otherwise_and_mends_them(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = read(small, "metadata")
    told = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    told["1"], told["2"] = told["2"], told["1"]
    file = small / "configs" / "metadata.json"
    file.write_text(written(metadata))
    with pytest.raises(
        ValueError, match="channel_def: map 1 is 'distance to the outline.*check small --mend"
    ):
        check("small")
    rewrite_configs(small / "configs")
    assert read(small, "metadata")["network_data_format"]["outputs"]["pred"]["channel_def"]["2"] == told["1"]
