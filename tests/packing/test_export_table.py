"""The table of what a bundle can be exported to: rows of what happened, put where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from common.benchmarks import EAGER, time_exported
from common.packing import export_every_way, put_table


def test_each_program_is_told_and_runs(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repository)
    made = export_every_way(repository / "bundles" / "resnet18_unet", ["torchscript"])
    network, labels = made.rows
    assert network == {
        "format": "torchscript",
        "file": "`model.ts`",
        "height and width": "any multiples of 16 px",
        "difference": network["difference"],
    }
    assert float(network["difference"]) <= 1e-4
    assert labels["file"] == "`instanseg.pt`" and labels["difference"] == "same labels"
    assert made.image.shape == (1, 1, 256, 256)
    with torch.no_grad():
        torch.testing.assert_close(made.programs["torchscript"](made.image), made.network(made.image))


def test_what_cannot_be_exported_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repository)
    (labels,) = export_every_way(repository / "bundles" / "hovernet", []).rows
    assert labels["height and width"].startswith("none: HoVerDecoder cannot leave Python")
    assert "difference" not in labels


def test_an_overlays_network_and_decoder_are_exported(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repository)
    made = export_every_way(repository / "bundles" / "resnet18_unet", [], overlays=["as_published"])
    (labels,) = made.rows
    assert labels["height and width"] == "any" and labels["difference"] == "same labels"
    with torch.no_grad():
        assert made.network(made.image).shape[1] == 1


def test_all_have_their_turns():
    calls: list[str] = []

    class Network(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            calls.append("eager")
            return image

    def program(image: torch.Tensor) -> torch.Tensor:
        calls.append("file")
        return image

    times = time_exported(Network(), {"file": program}, torch.zeros(1, 1, 2, 2), rounds=2)
    assert calls == ["file"] * 2 + ["eager", "file"] * 3 and times.keys() == {EAGER, "file"}


def test_the_table_takes_its_place_in_the_document(tmp_path: Path):
    file = tmp_path / "README.md"
    file.write_text("# net\n\nText.\n")
    put_table(file, r"| a |\1")
    first = file.read_text()
    assert first.startswith("# net\n\nText.\n\n## Exported files\n\n<!-- exports: written by")
    file.write_text(first + "\nMore text.\n")
    put_table(file, "| b |")
    assert file.read_text() == first.replace(r"| a |\1", "| b |") + "\nMore text.\n"
    file.write_text(first.replace("<!-- end of the exports -->", ""))
    with pytest.raises(ValueError, match="must have the lines <!-- exports: .* once each, in this order"):
        put_table(file, "| c |")
