"""Networks as files: those of any size, those of one, those that cannot; each held against the network."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from common.packing import FORMATS, TOLERANCE, check_formats, export_network, load_exported
from common.packing import network_export as exporting


class AnySize(nn.Module):
    """Halves once, and is different in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
            *(nn.ConvTranspose2d(4, 3, 2, stride=2),),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class OneSize(AnySize):
    """Adds what it has learned for every place."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.rand(1, 3, 32, 32))

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image) + self.places


class WritesItsSizeDown(AnySize):
    """A number of Python, which a trace keeps as it was."""

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image) * float(image.shape[2])


class Decides(AnySize):
    """Looks at a pixel: no exporter can follow."""

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image) if float(image[0, 0, 0, 0]) > 0.5 else -self.layers(image)


def made(network: nn.Module, folder: Path, format: str):
    torch.manual_seed(0)
    file = folder / FORMATS[format]
    return file, export_network(network, file, format=format, in_channels=2, size_px=32, divisor=2)


@pytest.mark.parametrize("format", FORMATS)
def test_a_network_of_any_size(format: str, tmp_path: Path):
    network = AnySize().train()
    file, told = made(network, tmp_path, format)
    assert told.free_size and told.difference <= TOLERANCE
    assert told.told() == "any batch, height and width any multiples of 2 px"
    assert not network.training
    image = torch.rand(5, 2, 46, 18)
    torch.testing.assert_close(load_exported(file)(image), network(image), atol=1e-5, rtol=1e-5)


def test_an_image_is_the_only_input_of_onnx(tmp_path: Path):
    file, _ = made(AnySize(), tmp_path, "onnx")
    session = pytest.importorskip("onnxruntime").InferenceSession(str(file))
    assert [each.name for each in session.get_inputs()] == ["image"]
    assert [each.name for each in session.get_outputs()] == ["pred"]
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"], "the weights are inside"


@pytest.mark.parametrize("network", [OneSize, WritesItsSizeDown])
@pytest.mark.parametrize("format", FORMATS)
def test_a_network_of_one_size_refuses_others(format: str, network: type[nn.Module], tmp_path: Path):
    if network is WritesItsSizeDown and format != "torchscript":
        pytest.skip("only a trace loses what Python computes of a size")
    built = network()
    file, told = made(built, tmp_path, format)
    assert not told.free_size and told.told() == "any batch, height and width 32 px alone"
    run = load_exported(file)
    image = torch.rand(3, 2, 32, 32)
    torch.testing.assert_close(run(image), built(image), atol=1e-5, rtol=1e-5)
    with pytest.raises(Exception, match="32"):
        run(torch.rand(1, 2, 64, 64))


@pytest.mark.parametrize("format", FORMATS)
def test_a_network_that_cannot_is_refused_and_leaves_no_file(format: str, tmp_path: Path):
    with pytest.raises(ValueError, match=f"Decides cannot be exported as {format}: "):
        made(Decides(), tmp_path, format)
    assert not list(tmp_path.iterdir())


def test_a_file_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = exporting.load_exported
    monkeypatch.setattr(exporting, "load_exported", lambda file: lambda image: real(file)(image) + 0.01)
    with pytest.raises(ValueError, match="maps differ by 1.0e-02 of .*, 0.0001 is allowed"):
        made(AnySize(), tmp_path, "torchscript")


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without_onnx(name: str, *rest: object):
        if name == "onnx":
            raise ModuleNotFoundError("No module named 'onnx'", name="onnx")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(ModuleNotFoundError, match="onnx needs a package that is not installed .*-export.txt"):
        made(AnySize(), tmp_path, "onnx")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_network_makes_the_same_bytes(format: str, tmp_path: Path):
    torch.manual_seed(0)
    # Layers of layers of one type, which TorchScript tells apart by numbers that it counts up.
    network = nn.Sequential(AnySize(), nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sequential(nn.ReLU())), AnySize())
    files = [made(network, tmp_path / place, format)[0].read_bytes() for place in ("one", "two")]
    assert files[0] == files[1]
    assert str(Path(__file__).parent).encode() not in files[0], "no folder of this machine"


def test_formats_as_people_write_them():
    assert check_formats("('onnx', 'torchscript')") == ["onnx", "torchscript"]  # fire makes a tuple of a,b


def test_a_network_beside_a_foundation_model_is_not_exported(tmp_path: Path) -> None:
    network = AnySize()
    network.foundation = object()
    with pytest.raises(
        ValueError, match="hold the weights of its foundation model: pack it without --format"
    ):
        export_network(network, tmp_path / "a", format="onnx", in_channels=2, size_px=32, divisor=2)
    assert not list(tmp_path.iterdir())
