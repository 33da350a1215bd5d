"""Laws of choosing a device: what is there is taken as it is named, what is not is refused in a sentence."""

from __future__ import annotations

import pytest
import torch

from common.devices import choose_device


@pytest.mark.parametrize("name", ["cpu", torch.device("cpu")])
def test_what_is_there_is_taken(name: str | torch.device) -> None:
    assert choose_device(name) == torch.device("cpu")
    assert choose_device(choose_device(name)) == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", 0, torch.device("cuda")])
def test_a_gpu_is_taken_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, name: str | int | torch.device
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device(name).type == "cuda"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="GPU that is not there.*give --device cpu"):
        choose_device(name)


def test_the_third_of_two_gpus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="^--device cuda:2 is .* finds 2 .*: give a number below 2"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", True])
def test_what_is_no_device_is_refused(name: str | bool) -> None:
    with pytest.raises(ValueError, match=f"--device {name} is no device: write cpu, cuda or cuda:0"):
        choose_device(name)
