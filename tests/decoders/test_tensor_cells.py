"""Nuclei matched with cells in torch: label by label what NumPy and SciPy give; compiled too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.decoders import (
    CentreVotesDecoder,
    ComponentsDecoder,
    HoVerDecoder,
    NucleiInCells,
    match_cells,
    match_cells_tensor,
)
from common.sample import draw_label_map, make_cells

from .test_nuclei_in_cells import decoder, ideal_maps

COMPILED = torch.jit.script(match_cells_tensor)


def both(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    tensors = [torch.from_numpy(each.astype(np.int64)) for each in (nuclei, cells)]
    found = COMPILED(*tensors)
    assert torch.equal(found, match_cells_tensor(*tensors)), "as it is compiled"
    return match_cells(nuclei, cells), found.numpy()


@pytest.mark.parametrize("seed", range(6))
def test_any_two_label_maps_are_matched_as_in_numpy(seed: int) -> None:
    """Drawn by themselves: cells of many nuclei and of none, nuclei of several cells and of none."""
    rng = np.random.default_rng(seed)
    nuclei = draw_label_map((90, 120), rng=rng, clustering=1.0).astype(np.int32)
    # Large pieces beside nuclei-sized ones, and a number that is not there.
    cells = draw_label_map((90, 120), rng=rng, clustering=1.0).astype(np.int32)
    cells = np.where(cells % 3 == 0, np.kron(cells[::6, ::6], np.ones((6, 6), np.int32)), cells)
    cells[cells == 2] = 0
    expected, found = both(nuclei, cells)
    np.testing.assert_array_equal(found, expected)
    counts = np.unique(np.stack([nuclei, cells]).reshape(2, -1), axis=1)[1]
    assert np.bincount(counts[counts > 0]).max() > 2, "cells of several nuclei are among them"


def test_equally_near_nuclei_part_a_cell_as_in_scipy() -> None:
    nuclei, cells = np.zeros((2, 41, 41), np.int32)
    cells[2:39, 2:39] = 1
    for number, (row, column) in enumerate(((10, 10), (10, 30), (30, 10), (30, 30), (20, 20)), 1):
        nuclei[row, column] = number
    np.testing.assert_array_equal(*both(nuclei, cells))


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 5)])
@pytest.mark.parametrize(("nucleus", "cell"), [(0, 0), (0, 1), (1, 0), (1, 1), (3, 7)])
def test_any_shape_empty_and_full(shape: tuple[int, int], nucleus: int, cell: int) -> None:
    np.testing.assert_array_equal(*both(np.full(shape, nucleus), np.full(shape, cell)))


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_module_gives_the_decoders_label_maps(noise: float) -> None:
    module = torch.jit.script(decoder().as_module())
    for seed in range(2):
        _, nuclei, cells = make_cells((120, 150), seed=seed)
        maps = ideal_maps(nuclei, cells)
        maps += noise * np.random.default_rng(seed).normal(size=maps.shape).astype(np.float32)
        expected = decoder()(maps)
        found = module(torch.from_numpy(np.stack([maps, 0 * maps])))
        assert found.dtype == torch.int32 and found.shape == (2, 2, 120, 150)
        np.testing.assert_array_equal(found[0].numpy(), expected)
        assert expected.max() > 5 and not found[1].any()


def test_both_decoders_may_be_of_any_kind_that_has_a_module() -> None:
    parts = ComponentsDecoder(foreground=0), CentreVotesDecoder(foreground=4, offsets=(6, 7))
    _, nuclei, cells = make_cells((96, 80), seed=0)
    maps, made = ideal_maps(nuclei, cells), NucleiInCells(*parts)
    found = torch.jit.script(made.as_module())(torch.from_numpy(maps)[None])
    np.testing.assert_array_equal(found[0].numpy(), made(maps))
    with pytest.raises(AttributeError, match="HoVerDecoder"):
        NucleiInCells(parts[0], HoVerDecoder()).as_module()
