"""Sheets of pictures: every picture is on it, whole, in order."""

from __future__ import annotations

import numpy as np
import pytest

from common.export import contact_sheet

RNG = np.random.default_rng(0)


def test_pictures_of_any_size_are_whole_and_in_order() -> None:
    pictures = [RNG.integers(0, 255, (h, w, 3)).astype(np.uint8) for h, w in ((10, 12), (8, 20), (9, 5))]
    sheet = contact_sheet(pictures, columns=2, gap_px=3)
    assert sheet.shape == (3 + 2 * 13, 3 + 2 * 23, 3)
    for picture, (top, left) in zip(pictures, ((3, 3), (3, 26), (16, 3)), strict=True):
        assert np.array_equal(sheet[top : top + picture.shape[0], left : left + picture.shape[1]], picture)


def test_grey_pictures_become_grey_colours() -> None:
    grey = RNG.integers(0, 255, (6, 7)).astype(np.uint8)
    sheet = contact_sheet([grey], gap_px=0)
    assert np.array_equal(sheet, np.stack([grey] * 3, axis=-1))


def test_captions_are_written_above_and_leave_the_pictures_alone() -> None:
    picture = np.zeros((40, 60, 3), dtype=np.uint8)
    sheet = contact_sheet([picture, picture], captions=["truth", "predicted"], gap_px=2)
    plain = contact_sheet([picture, picture], gap_px=2)
    assert np.array_equal(sheet[-42:], plain[-42:])
    head = sheet[2:-42]
    assert (head < 128).any() and (head[:, -60:] < 128).any()


def test_paper_and_ink_have_the_colours_that_were_asked_for() -> None:
    picture = np.full((40, 60, 3), 128, dtype=np.uint8)
    colours = {"paper": (10, 20, 30), "ink": (250, 240, 230)}
    sheet = contact_sheet([picture], captions=["truth"], gap_px=3, font_px=26, **colours)
    head = sheet[3:-43]
    assert len(head) == 36 and (sheet[0] == colours["paper"]).all()
    assert (head == colours["ink"]).all(-1).any() and (head == colours["paper"]).all(-1).any()
    assert np.array_equal(sheet[-43:-3, 3:-3], picture)


def test_what_makes_no_sheet_is_refused() -> None:
    picture = np.zeros((4, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match="make no sheet"):
        contact_sheet([])
    with pytest.raises(ValueError, match="make no sheet"):
        contact_sheet([picture], columns=0)
    with pytest.raises(ValueError, match="captions do not fit"):
        contact_sheet([picture], captions=["a", "b"])
