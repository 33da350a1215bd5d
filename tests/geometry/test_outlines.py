"""Outlines lie in their own nucleus and close it, whatever its number and however the image lies."""

from __future__ import annotations

import numpy as np
import pytest

from common.geometry import outlines


def squares() -> np.ndarray:
    """Return two touching nuclei and one that the image's lower edge cuts."""
    label_map = np.zeros((40, 50), dtype=np.int32)
    label_map[4:14, 5:15] = 3
    label_map[4:14, 15:25] = 70_000
    label_map[30:40, 30:45] = 1
    return label_map


@pytest.mark.parametrize("closed", [False, True])
def test_outlines_lie_in_their_own_nucleus_and_close_it(closed: bool) -> None:
    label_map = squares()
    outline = outlines(label_map, closed=closed)
    assert not outline[label_map == 0].any()
    # Without its outline a nucleus touches nothing else: every neighbour of the rest has the same label.
    rest = np.where(outline, 0, label_map)
    for axis in (0, 1):
        one, other = np.swapaxes(rest, 0, axis), np.swapaxes(label_map, 0, axis)
        for here, beside in ((one[1:], other[:-1]), (one[:-1], other[1:])):
            assert np.array_equal(here[here != 0], beside[here != 0])


def test_touching_nuclei_have_a_line_each_and_no_more() -> None:
    outline = outlines(squares())
    assert outline[8, 14] and outline[8, 15]
    assert outline.sum() == 36 + 36 + 15 + 2 * 9  # rims of 10 x 10; the upper three sides of 10 x 15


def test_the_edge_of_the_image_is_an_outline_if_asked_for() -> None:
    added = outlines(squares(), closed=True) & ~outlines(squares())
    assert np.argwhere(added).tolist() == [[39, column] for column in range(31, 44)]


def test_outlines_do_not_depend_on_the_ids() -> None:
    label_map = squares()
    renamed = np.array([0, 9, 4, 2**31 - 1])[np.searchsorted([0, 1, 3, 70_000], label_map)]
    assert np.array_equal(outlines(label_map), outlines(renamed))


@pytest.mark.parametrize("closed", [False, True])
def test_outlines_turn_with_the_image(closed: bool) -> None:
    turned = outlines(np.rot90(squares()).copy(), closed=closed)
    assert np.array_equal(turned, np.rot90(outlines(squares(), closed=closed)))
