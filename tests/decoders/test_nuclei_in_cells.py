"""Nuclei and cells from their maps, with numbers that match: by hand, and on cells of the embedded sample."""

from __future__ import annotations

import numpy as np
import pytest

from common.decoders import CentreVotesDecoder, NucleiInCells, match_cells
from common.sample import make_cells
from common.transforms import instance_targets

MAPS = ("foreground", "distance", "row_offset", "column_offset")


def decoder() -> NucleiInCells:
    nuclei, cells = (CentreVotesDecoder(foreground=n, offsets=(n + 2, n + 3)) for n in (0, 4))
    return NucleiInCells(nuclei, cells)


def ideal_maps(nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    maps = np.concatenate([instance_targets(each, MAPS) for each in (nuclei, cells)])
    maps[[0, 4]] = 20 * maps[[0, 4]] - 10
    return maps


def squares() -> tuple[np.ndarray, np.ndarray]:
    """Two touching cells of 16 x 16 pixels, with a nucleus of 8 x 8 each, numbered the other way round."""
    nuclei, cells = np.zeros((2, 32, 48), np.int32)
    cells[8:24, 8:24], cells[8:24, 24:40] = 1, 2
    nuclei[12:20, 30:38], nuclei[10:18, 11:19] = 1, 2
    return nuclei, cells


def test_two_touching_squares_come_back_with_matched_numbers() -> None:
    nuclei, cells = squares()
    found = decoder()(ideal_maps(nuclei, cells))
    assert found.shape == (2, 32, 48) and found.dtype == np.int32
    assert sorted(np.unique(found[0])) == sorted(np.unique(found[1])) == [0, 1, 2]
    for number, (rows, columns) in ((1, (12, 30)), (2, (10, 11))):
        mine = found[0][rows + 2, columns + 2]
        # All but the corners, which erosion and growth along four neighbours leave open.
        for ours, theirs in ((found[0], nuclei == number), (found[1], cells == 3 - number)):
            assert ((ours == mine) & theirs).sum() >= theirs.sum() - 4 >= (ours == mine).sum() - 4
            assert not (ours == mine)[~theirs].any()


def test_cells_of_the_sample_come_back_and_keep_their_nuclei() -> None:
    for seed in range(3):
        _, nuclei, cells = make_cells((160, 160), seed=seed)
        found_nuclei, found = decoder()(ideal_maps(nuclei, cells))
        assert (found[found_nuclei > 0] == found_nuclei[found_nuclei > 0]).all()
        assert np.array_equal(np.unique(found), np.arange(found.max() + 1)), "numbers have no gaps"
        for truth, ours in ((nuclei, found_nuclei), (cells, found)):
            common = [np.bincount(ours[truth == n])[1:].max(initial=0) for n in range(1, truth.max() + 1)]
            areas, all_ours = np.bincount(truth.ravel())[1:], np.bincount(ours.ravel())[1:]
            assert (np.array(common) > 0.7 * areas).mean() > 0.9
            assert abs(len(all_ours) - len(areas)) <= 0.1 * len(areas)


def test_what_has_no_partner() -> None:
    nuclei, cells = np.zeros((2, 20, 40), int)
    nuclei[4:10, 2:8] = 1  # without a cell
    cells[4:14, 12:22] = 7  # without a nucleus
    nuclei[6:10, 28:32], cells[4:14, 26:36] = 2, 9
    found = match_cells(nuclei, cells)
    assert np.array_equal(found == 1, nuclei == 1), "its own outline"
    assert np.array_equal(found == 2, cells == 9)
    assert np.array_equal(found == 3, cells == 7), "beyond the nuclei's numbers"


def test_a_nucleus_beside_a_cell_takes_no_part_of_it() -> None:
    nuclei, cells = np.zeros((2, 12, 40), int)
    cells[2:10, 2:16], nuclei[4:8, 4:8] = 1, 1
    nuclei[4:8, 15:19] = 2  # a quarter of it in the other's cell
    found = match_cells(nuclei, cells)
    assert np.array_equal(found == 2, nuclei == 2)
    assert np.array_equal(found == 1, (cells == 1) & (nuclei != 2))


def test_a_cell_of_two_nuclei_is_parted_between_them() -> None:
    nuclei, cells = np.zeros((2, 12, 40), int)
    nuclei[4:8, 6:10], nuclei[4:8, 30:34], cells[2:10, 2:38] = 1, 2, 1
    found = match_cells(nuclei, cells)
    assert np.array_equal(found > 0, cells > 0)
    assert (found[2:10, 2:19] == 1).all() and (found[2:10, 21:38] == 2).all()


def test_a_nucleus_wins_its_pixels_of_a_neighbours_cell_and_may_leave_its_own() -> None:
    nuclei, cells = np.zeros((2, 12, 40), int)
    cells[2:10, 2:12], cells[2:10, 12:24] = 5, 3
    nuclei[4:8, 7:14], nuclei[4:8, 16:20] = 1, 2
    nuclei[8:11, 4:7] = 3  # a third of it beyond all cells
    nuclei[11:12, 20:26] = 4  # touches no cell
    found = match_cells(nuclei, cells)
    assert (found[nuclei > 0] == nuclei[nuclei > 0]).all()
    assert (found[2:4, 14:24] == 2).all() and found[10, 5] == 3
    assert set(np.unique(found)) == {0, 1, 2, 3, 4}


def test_a_cell_that_nuclei_of_others_cover_is_dropped() -> None:
    nuclei, cells = np.zeros((2, 12, 30), int)
    cells[2:10, 2:14], cells[2:10, 14:18] = 1, 2
    nuclei[2:10, 6:17] = 1
    found = match_cells(nuclei, cells)
    assert np.unique(found).tolist() == [0, 1]
    assert np.array_equal(found == 1, (cells == 1) | (nuclei == 1))


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_found_of_either_kind(count: int) -> None:
    one, none = np.full((5, 6), count), np.zeros((5, 6), int)
    assert np.array_equal(match_cells(none, one), one)
    assert np.array_equal(match_cells(one, none), one)
