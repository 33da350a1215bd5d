"""Laws of the CPU settings: denormal numbers are flushed, results stay, other systems are left alone."""

import ctypes
import platform
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from common.devices import cpu_speed


def tiny() -> float:
    """Return 1e-10 by way of 1e-40, which float32 has only as a denormal number."""
    return float(torch.full((1,), 1e-30) * torch.full((1,), 1e-10) * 1e30)


def results() -> list[float]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 3))
    loss = network(torch.rand(2, 2, 16, 16)).square().mean()
    loss.backward()
    return [float(loss.detach()), *(float(weight.grad.double().sum()) for weight in network.parameters())]


def test_denormals_vanish_and_results_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    # Flushing is a setting of the thread that asks for it, but memory one of the process: let that be.
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda option, value: 1))

    def tuned() -> tuple[float, list[float]]:
        cpu_speed.tune_cpu()
        cpu_speed.tune_cpu()
        return tiny(), results()

    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush denormal numbers")
    before = tiny(), results()
    with ThreadPoolExecutor(1) as thread:
        after = thread.submit(tuned).result()
    assert before[0] == pytest.approx(1e-10, rel=1e-4) and after[0] == 0
    assert after[1] == before[1]
    assert tiny() > 0, "the setting came out of its thread: tests that come after would change"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has mallopt")
def test_memory_settings_are_those_of_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    header = Path("/usr/include/malloc.h")
    if not header.is_file():
        pytest.skip("malloc.h, which names the options, is not installed")
    options = []
    monkeypatch.setattr(torch, "set_flush_denormal", lambda on: True)
    library = SimpleNamespace(mallopt=lambda option, value: options.append(option))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    cpu_speed.tune_cpu()
    for name in ("M_MMAP_MAX", "M_TRIM_THRESHOLD"):
        value = re.search(rf"#define {name}\s+(-\d+)", header.read_text())
        assert value and int(value[1]) in options


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    asked = []

    def absent(name: str) -> None:
        asked.append(name)
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(torch, "set_flush_denormal", lambda on: asked.append(on))
    cpu_speed.tune_cpu()
    assert asked == ([True, "libc.so.6"] if system == "linux" else [True])


def test_bfloat16_is_fast_only_where_the_processor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(cpu_speed.has_fast_bfloat16(), bool)
    flags = Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and flags.is_file():
        told = flags.read_text()
        assert cpu_speed.has_fast_bfloat16() == ("amx_tile" in told or "avx512_bf16" in told)
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    for answers in ((False, False), (True, False), (False, True), (True, True)):
        for name, answer in zip(names, answers, strict=True):
            monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)
        assert cpu_speed.has_fast_bfloat16() is any(answers)
    for name in names:
        monkeypatch.delattr(torch.cpu, name)  # it is torch's own affair, and may go
    assert not cpu_speed.has_fast_bfloat16()
