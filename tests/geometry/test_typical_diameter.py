"""One number for the size of a label map's nuclei, which what is no whole nucleus does not move."""

from __future__ import annotations

import math

import numpy as np
import pytest

from common.geometry import typical_diameter


def discs(diameter: float, count: int = 9, pitch: int = 60, *, first: int = 1) -> np.ndarray:
    """Return discs in a square of rows and columns, none of which touches the edge."""
    side = math.isqrt(count)
    rows, columns = np.ogrid[:pitch, :pitch]
    disc = (rows - pitch / 2) ** 2 + (columns - pitch / 2) ** 2 <= (diameter / 2) ** 2
    return np.block([[disc * (first + side * i + j) for j in range(side)] for i in range(side)])


@pytest.mark.parametrize("diameter", [6.0, 17.0, 40.0])
def test_the_diameter_of_discs_is_theirs(diameter: float) -> None:
    count, found = typical_diameter(discs(diameter))
    assert count == 9 and found == pytest.approx(diameter, rel=0.05)


def test_numbers_of_nuclei_and_the_way_up_do_not_matter() -> None:
    label_map = discs(20.0)
    wanted = typical_diameter(label_map)
    assert typical_diameter(label_map.T[::-1].astype(np.uint16) * 7) == wanted


def test_specks_do_not_count_however_many_they_are() -> None:
    label_map = discs(20.0)
    specks = label_map.copy()
    specks[2:-2:4, 2:-2:4] = np.arange(100, 100 + specks[2:-2:4, 2:-2:4].size).reshape(
        specks[2:-2:4, 2:-2:4].shape
    )
    specks[label_map > 0] = label_map[label_map > 0]
    assert len(np.unique(specks)) > 1000
    assert typical_diameter(specks) == typical_diameter(label_map)


def test_nuclei_cut_by_the_edge_do_not_count() -> None:
    label_map = discs(20.0)
    wanted = typical_diameter(label_map)
    for edge in (np.s_[:5], np.s_[-5:], np.s_[:, :5], np.s_[:, -5:]):
        cut = label_map.copy()
        cut[edge] = 99
        assert typical_diameter(cut) == wanted


@pytest.mark.parametrize("label_map", [np.zeros((5, 7), int), np.ones((5, 7), int), np.zeros((1, 1), int)])
def test_without_a_whole_nucleus_there_is_none(label_map: np.ndarray) -> None:
    count, diameter = typical_diameter(label_map)
    assert count == 0 and math.isnan(diameter)
