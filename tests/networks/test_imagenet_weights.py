"""Laws of ImageNet weights: files are checked, the first convolution fits, errors say the mend."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from common.networks.imagenet_weights import (
    MEAN,
    OFFICIAL,
    STD,
    adapt_first_convolution,
    fill_encoder,
    read_weights,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def save(folder: Path, content: Any, *, name: str = "net", **how: Any) -> Path:
    """Write a file of torch's, its checksum in the name as official files have it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(content, folder / "part", **how)
    checksum = hashlib.sha256((folder / "part").read_bytes()).hexdigest()[:8]
    return (folder / "part").rename(folder / f"{name}-{checksum}.pth")


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands at the address of ResNet-18, and an empty folder for downloads."""
    path = save(tmp_path / "server", {"a": random(2, 3)})
    monkeypatch.setitem(OFFICIAL, "resnet18", path.as_uri())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return path


def test_official_names_carry_a_checksum() -> None:
    assert {"resnet18", "vgg16", "vgg16_bn"} == set(OFFICIAL)
    for name, url in OFFICIAL.items():
        assert re.fullmatch(rf"https://download\.pytorch\.org/models/{name}-[0-9a-f]{{8}}\.pth", url)


@pytest.mark.parametrize("zipped", [True, False], ids=["of today", "of before 2020"])
def test_a_file_gives_what_was_saved(tmp_path: Path, zipped: bool) -> None:
    weights = {"a": random(2, 3), "b.weight": random(4, seed=1)}
    read = read_weights(save(tmp_path, weights, _use_new_zipfile_serialization=zipped), "vgg16")
    assert read.keys() == weights.keys() and all(torch.equal(read[n], weights[n]) for n in read)


def test_the_download_is_kept_and_used_again(offered: Path, tmp_path: Path) -> None:
    first = read_weights(None, "resnet18")
    assert (tmp_path / "hub" / "checkpoints" / offered.name).read_bytes() == offered.read_bytes()
    offered.unlink()
    assert torch.equal(read_weights(None, "resnet18")["a"], first["a"])


def test_a_damaged_download_is_refused_and_not_kept(offered: Path, tmp_path: Path) -> None:
    offered.write_bytes(offered.read_bytes()[:-1])
    with pytest.raises(ValueError, match="damaged one: delete it and download file.* again"):
        read_weights(None, "resnet18")
    assert not list((tmp_path / "hub" / "checkpoints").iterdir())


def test_a_kept_file_that_is_cut_off_is_named(offered: Path, tmp_path: Path) -> None:
    read_weights(None, "resnet18")
    kept = tmp_path / "hub" / "checkpoints" / offered.name
    kept.write_bytes(kept.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{kept} is no file of weights, or a damaged one: delete it"):
        read_weights(None, "resnet18")


def test_without_a_network_the_error_says_what_to_do(offered: Path) -> None:
    offered.unlink()
    with pytest.raises(
        ConnectionError, match=r"cannot download file.*give the file's path, or put it into .*hub"
    ):
        read_weights(None, "resnet18")


def test_what_is_no_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no weights .*none\.pth: give the file of https://"):
        read_weights(tmp_path / "none.pth", "resnet18")
    for content in (b"", b"<html>not found</html>", b"PK\x03\x04"):
        (tmp_path / "page.pth").write_bytes(content)
        with pytest.raises(ValueError, match=r"page\.pth is no file of weights"):
            read_weights(tmp_path / "page.pth", "resnet18")
    with pytest.raises(ValueError, match="is no state dict"):
        read_weights(save(tmp_path, {"epoch": 3}), "resnet18")
    with pytest.raises(ValueError, match="choose from resnet18"):
        read_weights(None, "resnet1")


class MakesAFolder:
    """An object whose reading by plain pickle runs a command of the file's author."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.folder),))


def test_files_run_no_code(tmp_path: Path) -> None:
    path = save(tmp_path / "files", {"a": MakesAFolder(tmp_path / "ran")})
    with pytest.raises(ValueError, match="is no file of weights"):
        read_weights(path, "resnet18")
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists(), "the file is harmless: this test proves nothing"


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_equal_channels_are_answered_like_a_normalised_grey_image(channels: int) -> None:
    weight, grey = torch.randn(4, 3, 7, 7, generator=torch.Generator().manual_seed(0)), random(2, 1, 20, 20)
    mean, std = torch.tensor(MEAN).reshape(3, 1, 1), torch.tensor(STD).reshape(3, 1, 1)
    expected = functional.conv2d((grey.expand(-1, 3, -1, -1) - mean) / std, weight)
    kernels, shift = adapt_first_convolution(weight, channels)
    assert kernels.shape == (4, channels, 7, 7)
    response = functional.conv2d(grey.expand(-1, channels, -1, -1), kernels) - shift.reshape(-1, 1, 1)
    torch.testing.assert_close(response, expected, atol=1e-3, rtol=1e-4)


def test_colour_images_keep_their_kernels() -> None:
    weight, colour = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)), random(2, 3, 9, 9)
    mean, std = torch.tensor(MEAN).reshape(3, 1, 1), torch.tensor(STD).reshape(3, 1, 1)
    kernels, shift = adapt_first_convolution(weight, 3)
    response = functional.conv2d(colour, kernels) - shift.reshape(-1, 1, 1)
    torch.testing.assert_close(
        response, functional.conv2d((colour - mean) / std, weight), atol=1e-4, rtol=1e-4
    )


def test_kernels_of_another_image_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4, 64, 3, 3\) are not for 3 channels"):
        adapt_first_convolution(torch.zeros(4, 64, 3, 3), 1)


def test_an_encoder_takes_its_part_and_only_whole() -> None:
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    weights = {name: random(*value.shape) for name, value in encoder.state_dict().items() if value.ndim}
    fill_encoder(encoder, {**weights, "fc.weight": random(9)})
    assert all(torch.equal(encoder.state_dict()[name], value) for name, value in weights.items())
    with pytest.raises(ValueError, match=r"lack '1\.running_var'"):
        fill_encoder(encoder, {name: value for name, value in weights.items() if name != "1.running_var"})
    with pytest.raises(ValueError, match=r"'0\.bias' has the shape \(3,\), the encoder wants \(2,\)"):
        fill_encoder(encoder, {**weights, "0.bias": random(3)})
