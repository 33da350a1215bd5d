"""The baselines differ in their networks alone, so that a comparison of two is one of networks."""

from __future__ import annotations

from typing import Any

import pytest

from common.bundle_config import read_json

from .conftest import ROOT

FLUORESCENCE = ("unet", "attention_unet", "unet_plus_plus", "swin_unetr")
SECTIONS = ("eunet3plus", "unet3plus", "ddunet", "awgunet")
# Whose network is made for contours too: the task has one map more.
WITH_CONTOURS = ("cia_net",)


def configs(bundle: str, name: str) -> dict[str, Any]:
    return read_json(ROOT / "bundles" / bundle / "configs" / f"{name}.json")


def task(bundle: str) -> dict[str, Any]:
    """What a bundle's method is beside its network: maps, loss, decoder, augmentation ..."""
    train = configs(bundle, "train")
    method = dict(list(train.items())[: list(train).index("bundle_root")])
    del method["network_def"], method["inferer"]["divisor"]
    method["inferer"].pop("step_px", None)  # windows are the network's, too
    return method


@pytest.mark.parametrize("name", FLUORESCENCE)
def test_the_task_is_the_same(name: str) -> None:
    assert task(name) == task("unet")


@pytest.mark.parametrize("name", SECTIONS)
def test_the_task_on_sections_is_that_of_vgg16_unet(name: str) -> None:
    own = task(name)
    if "SideMapsLoss" in own["loss"]["_target_"]:  # for heads that are there with deep supervision alone
        assert own["loss"]["maps"] == configs(name, "train")["network_def"]["out_channels"]
        own["loss"] = own["loss"]["loss"]
    assert own == task("vgg16_unet")


@pytest.mark.parametrize("config", ["train", "as_published", "ablations/deep_supervision"])
def test_unet3plus_is_eunet3plus_without_gates(config: str) -> None:
    gated, plain = configs("eunet3plus", config), configs("unet3plus", config)
    assert gated["network_def"].pop("activation") == "glu"
    assert plain["network_def"].pop("activation") == "relu"
    assert gated["network_def"] == plain["network_def"]
    assert config == "train" or gated == plain


@pytest.mark.parametrize("config", ["train", "as_published"])
def test_eunet3plus_sam_is_eunet3plus_beside_sam(config: str) -> None:
    fused, alone = configs("eunet3plus_sam", config), configs("eunet3plus", config)
    network = fused.pop("network_def")
    assert network.pop("foundation")["_target_"] == "common.foundation.FrozenSAM"
    assert network["window"] * 16 == {**configs("eunet3plus_sam", "train"), **fused}["crop_px"]
    own = {name: value for name, value in network.items() if name not in ("fusion", "window", "_target_")}
    assert own | {"_target_": "common.networks.UNet3Plus"} == alone.pop("network_def")
    if config == "as_published":
        assert fused == alone
        return
    # What brings SAM's features to the crops, and tiles that begin where SAM's do.
    more = {"before_cropping", "prepare_batch"}
    fused, alone = task("eunet3plus_sam"), task("eunet3plus")
    assert fused.keys() - alone.keys() == {"sam_weights", "sam_cache"}
    assert {name: fused[name] for name in alone.keys() - more} == {
        name: alone[name] for name in alone.keys() - more
    }


@pytest.mark.parametrize("name", FLUORESCENCE)
def test_the_task_is_that_of_logsage_but_for_the_papers_own_loss(name: str) -> None:
    own, others = task(name), task("logsage")
    assert own["loss"] | {"beta": 0.5} == others["loss"], "without curvature"
    assert own | {"loss": None} == others | {"loss": None}
    mined = task("resnet18_unet")["loss"]
    assert own["loss"] == {key: value for key, value in mined.items() if key != "hard_fraction"}


@pytest.mark.parametrize("name", WITH_CONTOURS)
def test_a_map_of_contours_is_all_that_the_task_has_more(name: str) -> None:
    own, others = task(name), task("unet")
    maps = others["targets"]["maps"]
    assert own["targets"].pop("maps") == [*maps, "border"]
    assert own["loss"]["channels"].pop("border") == len(maps)
    del others["targets"]["maps"]
    assert own == others


@pytest.mark.parametrize("name", FLUORESCENCE + WITH_CONTOURS)
def test_the_overlay_for_sections_is_what_the_bundles_for_sections_have(name: str) -> None:
    """Crops, augmentation, decoder and channels of `weighted_unet`; the network but for its input."""
    overlay, sections = configs(name, "ablations/he"), configs("weighted_unet", "train")
    network = overlay.pop("network_def")
    assert network == configs(name, "train")["network_def"] | {"in_channels": 3}
    assert overlay == {key: sections[key] for key in overlay}
    assert {"channels", "crop_px", "augmentation_ranges", "decoder"} <= overlay.keys()


def test_cellvit_has_the_task_of_the_baselines_for_sections() -> None:
    """Crops are larger: of the size of its windows of attention."""
    own, sections = task("cellvit"), configs("unet", "ablations/he")
    assert own == task("unet") | {key: sections[key] for key in ("augmentation_ranges", "decoder")}
    network = configs("cellvit", "train")["network_def"]
    train = configs("channelnet_cellvit", "train")
    assert network["window"] * 16 == train["crop_px"] == configs("cellvit", "train")["crop_px"]
    parts = [name for name in network if name not in ("_target_", "in_channels")]
    assert {name: train["network_def"][name] for name in parts} == {name: network[name] for name in parts}


@pytest.mark.parametrize("overlay", ["naive_2", "naive_3", "adapter", "no_aggregation", "replicated"])
def test_ablations_of_channelnet_differ_in_what_lies_before_cellvit_alone(overlay: str) -> None:
    own = configs("channelnet_cellvit", "train")["network_def"]
    changed = configs("channelnet_cellvit", f"ablations/{overlay}")
    assert changed.keys() <= {"network_def", "channels"}
    behind = (
        "vector_channels",
        "embed_dim",
        "num_heads",
        "skip_blocks",
        "features",
        "window",
        "out_channels",
    )
    assert {name: changed["network_def"][name] for name in behind} == {name: own[name] for name in behind}


def test_hovernet_by_votes_has_the_task_of_the_baselines_for_sections() -> None:
    votes, sections = configs("hovernet", "ablations/centre_votes"), configs("unet", "ablations/he")
    unet = configs("unet", "train")
    assert votes["targets"] == unet["targets"] and votes["loss"] == unet["loss"]
    assert votes["decoder"] == sections["decoder"]
