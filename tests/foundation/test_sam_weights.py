"""SAM's weights: found in a folder or where the hub's command puts them, or a sentence says what to do."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
import torch
from small_sam import save_small_sam

from common.foundation import DEFAULT_WEIGHTS, load_sam_encoder
from common.foundation.sam_weights import digest_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_small_sam(tmp_path / "sam")


def refused(weights: str | Path, *words: str, error: type[Exception] = ValueError) -> str:
    with pytest.raises(error) as caught:
        load_sam_encoder(weights)
    told = str(caught.value)
    assert f"--sam_weights {weights}" in told and "\n" not in told
    for word in words:
        assert word in told, told
    return told


def test_a_name_is_found_where_the_hub_puts_it_and_a_folder_where_it_is(fetched_sam: Path) -> None:
    by_name, by_folder = load_sam_encoder(DEFAULT_WEIGHTS), load_sam_encoder(fetched_sam)
    assert digest_of(by_name) == digest_of(by_folder)


def test_the_encoder_alone_has_the_weights_of_the_whole(tmp_path: Path, folder: Path) -> None:
    from transformers import SamModel, SamVisionModel

    whole = load_sam_encoder(folder)
    SamVisionModel.from_pretrained(folder).save_pretrained(tmp_path / "alone")
    alone = load_sam_encoder(tmp_path / "alone")
    kept = SamModel.from_pretrained(folder).vision_encoder.state_dict()
    for encoder in (whole, alone):
        found = encoder.state_dict()
        assert found.keys() == kept.keys()
        assert all(torch.equal(found[name], value) for name, value in kept.items())


def test_weights_in_half_precision_are_computed_with_in_single(tmp_path: Path, folder: Path) -> None:
    from transformers import SamModel

    SamModel.from_pretrained(folder).half().save_pretrained(tmp_path / "half")
    half, single = load_sam_encoder(tmp_path / "half"), load_sam_encoder(folder)
    for weight, own in zip(half.parameters(), single.parameters(), strict=True):
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight, own, atol=1e-3, rtol=1e-3)


def test_it_is_frozen(folder: Path) -> None:
    encoder = load_sam_encoder(folder)
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert not any(module.training for module in encoder.modules())


def test_the_digest_knows_weights_not_files(tmp_path: Path, folder: Path) -> None:
    again = save_small_sam(tmp_path / "again")
    other = save_small_sam(tmp_path / "other", seed=1)
    digests = [digest_of(load_sam_encoder(each)) for each in (folder, again, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", ["facebook/sam-vit-gigantic", "somebody/medsam-vit-base"])
def test_what_is_not_there_is_to_be_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*address: object) -> None:
        raise AssertionError("a server is asked: without a network that takes minutes")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(socket.socket, "connect", asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    told = refused(
        name,
        f"hf download {name} config.json model.safetensors",
        "--sam_weights FOLDER",
        "the bundle eunet3plus",
        error=FileNotFoundError,
    )
    assert "network" in told


@pytest.mark.parametrize("name", ["nothing", "no/such/folder", "runs//sam", "../nothing"])
def test_a_folder_that_is_not_there(name: str) -> None:
    refused(name, f"fetch {DEFAULT_WEIGHTS}", "the bundle eunet3plus", error=FileNotFoundError)


def test_a_mistyped_folder_is_no_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    refused("models/sma", f"fetch {DEFAULT_WEIGHTS}", error=FileNotFoundError)


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file(folder: Path, lost: str) -> None:
    (folder / lost).unlink()
    refused(folder, f"has no {lost}", "hf download", "the bundle eunet3plus", error=FileNotFoundError)


def test_another_format_is_named(folder: Path) -> None:
    file = folder / "sam_vit_b_01ec64.pth"
    (folder / "model.safetensors").rename(file)
    refused(folder, "sam_vit_b_01ec64.pth is another format", error=FileNotFoundError)
    refused(file, "is a file", "another format")


@pytest.mark.parametrize("kind", ["vit", "sam2", None])
def test_another_model(folder: Path, kind: str | None) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": kind}))
    refused(folder, f"of the type {kind!r}, not 'sam'", DEFAULT_WEIGHTS)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_configuration(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    refused(folder, "config.json is damaged")


def test_a_damaged_file_of_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    refused(folder, "model.safetensors is damaged")


@pytest.mark.parametrize("changed", [{"hidden_size": 32}, {"num_hidden_layers": 3}, {"output_channels": 4}])
def test_weights_of_another_size_than_the_configuration(tmp_path: Path, folder: Path, changed: dict) -> None:
    other = save_small_sam(tmp_path / "other", **changed)
    (folder / "config.json").write_text((other / "config.json").read_text())
    told = refused(folder, "from one")
    assert re.search(r"is of another size than config.json says|lacks vision_encoder.layers.2", told)


def test_patches_of_another_size(tmp_path: Path) -> None:
    folder = save_small_sam(tmp_path / "sam", whole=False, patch_size=8)
    refused(folder, "patches of 8 px", DEFAULT_WEIGHTS)


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -r requirements-sam.txt; the bundle eunet3"):
        load_sam_encoder(folder)
