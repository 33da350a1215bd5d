"""Which precision a device computes in: one answer for every part that asks."""

from __future__ import annotations

import pytest
import torch

from common.devices import low_precision, precision


@pytest.mark.parametrize("fast", [False, True])
def test_each_device_has_one_precision(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: fast)
    assert low_precision("cuda:1") == low_precision(torch.device("cuda")) == torch.float16
    assert low_precision("cpu") == (torch.bfloat16 if fast else None)
    assert low_precision("mps") is None
    for device in ("cpu", "cuda", "mps"):
        assert low_precision(device, amp=False) is None


@pytest.mark.parametrize("fast", [False, True])
def test_autocast_takes_the_answer_as_it_is(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: fast)
    low = low_precision("cpu")
    with torch.autocast("cpu", low, enabled=low is not None):
        assert (torch.rand(4, 4) @ torch.rand(4, 4)).dtype == (torch.bfloat16 if fast else torch.float32)
