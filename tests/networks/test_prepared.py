"""Laws of preparing a network for its device: faster, but the same weights under the same names."""

import copy
import importlib
import warnings

import pytest
import torch
from torch import Tensor, nn

from common.networks import prepare

MODULE = importlib.import_module("common.devices.precision")


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 1)
    ).eval()


def random_image() -> Tensor:
    return torch.rand(2, 2, 20, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("fast_bfloat16", [False, True])
@pytest.mark.parametrize("amp", [False, True])
def test_names_and_values_of_weights_stay(
    monkeypatch: pytest.MonkeyPatch, fast_bfloat16: bool, amp: bool
) -> None:
    monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda: fast_bfloat16)
    before, network = make_network().state_dict(), make_network()
    prepared = prepare(network, "cpu", amp=amp)
    assert prepared is network
    after = prepared.state_dict()
    assert list(after) == list(before)
    for name, weight in before.items():
        assert after[name].dtype == weight.dtype and torch.equal(after[name], weight)
    make_network().load_state_dict(after)


@torch.no_grad()
def test_bfloat16_only_where_it_is_fast_and_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    image, expected = random_image(), make_network()(random_image())
    for fast_bfloat16 in (False, True):
        monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda fast=fast_bfloat16: fast)
        for amp in (False, True):
            maps = prepare(make_network(), torch.device("cpu"), amp=amp)(image)
            if fast_bfloat16 and amp:
                assert maps.dtype == torch.bfloat16
                torch.testing.assert_close(maps.float(), expected, atol=0.02, rtol=0.02)
            else:
                torch.testing.assert_close(maps, expected)  # the order of sums differs, not their precision


def test_training_in_bfloat16_gives_float32_gradients_that_are_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda: True)
    gradients = []
    for network in (make_network(), prepare(make_network(), "cpu")):
        network(random_image()).float().square().mean().backward()
        gradients.append([weight.grad for weight in network.parameters()])
    for exact, coarse in zip(*gradients, strict=True):
        assert exact is not None and coarse is not None and coarse.dtype == torch.float32
        # bfloat16 has 8 bits: about 1 % of the largest entry
        torch.testing.assert_close(coarse, exact, rtol=0, atol=0.03 * float(exact.abs().max()))


@torch.no_grad()
def test_a_deep_copy_computes_with_its_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda: True)
    network = prepare(make_network(), "cpu")
    before, copied = network(random_image()), copy.deepcopy(network)
    assert torch.equal(copied(random_image()), before)
    for weight in copied.parameters():
        weight.zero_()
    assert copied(random_image()).dtype == torch.bfloat16
    assert not copied(random_image()).any(), "it computed with the weights of the original"
    assert torch.equal(network(random_image()), before)
    assert list(copied.state_dict()) == list(make_network().state_dict())


@torch.no_grad()
@pytest.mark.parametrize("fast_bfloat16", [False, True])
def test_a_prepared_network_can_be_exported(monkeypatch: pytest.MonkeyPatch, fast_bfloat16: bool) -> None:
    monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda: fast_bfloat16)
    network = prepare(make_network(), "cpu")
    exported = torch.export.export(network, (random_image(),)).module()
    torch.testing.assert_close(exported(random_image()), network(random_image()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit's own, of every use
        scripted = torch.jit.script(network)
    torch.testing.assert_close(scripted(random_image()), make_network()(random_image()))


@torch.no_grad()
def test_prepared_twice_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "has_fast_bfloat16", lambda: True)
    once = prepare(make_network(), "cpu")
    twice = prepare(prepare(make_network(), "cpu"), "cpu")
    assert torch.equal(once(random_image()), twice(random_image()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@torch.no_grad()
def test_on_cuda_channels_are_last_and_results_close() -> None:
    network = prepare(make_network(), "cuda")
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    maps = network(random_image().cuda())
    torch.testing.assert_close(maps.cpu(), make_network()(random_image()), atol=5e-3, rtol=5e-3)
