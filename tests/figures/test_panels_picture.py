"""Pictures of several panels: all are there, of one size, whatever stands above, below and in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.figures import Panel, write_panels

COLOURS = [(250, 10, 20), (20, 240, 30), (30, 20, 230), (200, 30, 220), (20, 200, 210)]
MARK = (0, 229, 255)


def drawn(path: Path, panels: list[Panel], title: str = "t", **options: object) -> np.ndarray:
    return np.asarray(Image.open(write_panels(path / "p.png", panels, title=title, **options)).convert("RGB"))


def plain(rgb: tuple[int, int, int], title: str = "a", shape: tuple[int, int] = (20, 20)) -> Panel:
    return Panel(title, np.full((*shape, 3), rgb, dtype=np.uint8))


def box(picture: np.ndarray, rgb: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return top, left, height and width of what has exactly this colour."""
    rows, columns = np.nonzero((picture == rgb).all(axis=-1))
    top, left = int(rows.min()), int(columns.min())
    return top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1


def test_every_panel_is_there_whole_in_order_and_of_one_size(tmp_path: Path) -> None:
    picture = drawn(tmp_path, [plain(rgb) for rgb in COLOURS], columns=3)
    boxes = [box(picture, rgb) for rgb in COLOURS]
    sizes = np.array([one[2:] for one in boxes])
    assert np.ptp(sizes) <= 1, "squares, up to a pixel's rounding"
    assert [one[:2] for one in boxes] == sorted(one[:2] for one in boxes), "row by row"
    assert len({one[0] for one in boxes}) == 2 and len({one[1] for one in boxes}) == 3


def test_a_colour_bar_takes_no_room_from_panels(tmp_path: Path) -> None:
    values = Panel("v", np.linspace(0, 1, 400).reshape(20, 20), "value")
    alone = box(drawn(tmp_path, [plain(COLOURS[0]), plain(COLOURS[1])]), COLOURS[0])
    beside = box(drawn(tmp_path, [plain(COLOURS[0]), values]), COLOURS[0])
    assert alone[1:] == beside[1:]


def test_a_panel_keeps_the_shape_of_its_image(tmp_path: Path) -> None:
    panels = [plain(COLOURS[0], shape=(10, 20)), plain(COLOURS[1], shape=(40, 20))]
    picture = drawn(tmp_path, panels)
    for rgb, ratio in zip(COLOURS, (0.5, 2.0), strict=False):
        _, _, height, width = box(picture, rgb)
        assert abs(height / width - ratio) < 0.02


def test_long_titles_are_broken_and_not_cut(tmp_path: Path) -> None:
    words = "a title of many words " * 5
    picture = drawn(tmp_path, [plain(COLOURS[0], words)], title=words)
    assert (picture[:, [0, -1]] == 255).all() and (picture[[0, -1]] == 255).all(), "nothing at the edges"
    short = drawn(tmp_path, [plain(COLOURS[0])])
    assert picture.shape[0] > short.shape[0] and picture.shape[1] == short.shape[1]
    top = box(picture, COLOURS[0])[0]
    gaps = np.diff(np.flatnonzero((picture[:top] < 128).any(axis=(1, 2))))
    assert (gaps > 1).sum() >= 5, "several lines above one another"


def test_larger_values_are_brighter_and_what_is_marked_is_outlined(tmp_path: Path) -> None:
    values = np.repeat([[0.0, 0.5, 1.0, 9.0]], 16, axis=0).repeat(4, axis=1)
    marked = values > 0.7
    plain_map = drawn(tmp_path, [Panel("v", values, "value")])
    outlined = drawn(tmp_path, [Panel("v", values, "value", marked=marked)])
    _, columns = np.nonzero((plain_map != 255).any(axis=-1))
    row = plain_map[plain_map.shape[0] // 2].astype(int).sum(axis=-1)
    quarter = (columns.max() - columns.min()) // 4
    steps = [row[columns.min() + quarter // 2 + n * quarter] for n in range(4)]
    assert steps[0] < steps[1] < steps[2] == steps[3], "the brightest colour is the upper limit's"

    def count(picture: np.ndarray) -> int:
        return int((np.abs(picture.astype(int) - MARK).max(axis=-1) < 40).sum())

    assert count(plain_map) == 0 and count(outlined) > 200
    where = np.nonzero((outlined != plain_map).any(axis=-1))[1]
    assert np.ptp(where) < 12, "one upright line, where what is marked begins"


@pytest.mark.parametrize("marked", [np.zeros((8, 8), bool), np.ones((8, 8), bool)])
def test_nothing_or_everything_marked_has_no_outline(tmp_path: Path, marked: np.ndarray) -> None:
    values = np.linspace(0, 1, 64).reshape(8, 8)
    same = drawn(tmp_path, [Panel("v", values, "value", marked=marked)])
    assert np.array_equal(same, drawn(tmp_path, [Panel("v", values, "value")]))


def test_the_key_shows_its_colours(tmp_path: Path) -> None:
    picture = drawn(tmp_path, [plain(COLOURS[0]), plain(COLOURS[1])], key={"one": COLOURS[2]})
    bottom = box(picture, COLOURS[0])
    assert box(picture, COLOURS[2])[0] > bottom[0] + bottom[2]


def test_what_makes_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 panels"):
        write_panels(tmp_path / "p.png", [], title="t")
    with pytest.raises(ValueError, match="0 columns"):
        write_panels(tmp_path / "p.png", [plain(COLOURS[0])], title="t", columns=0)
    assert not list(tmp_path.iterdir())
