"""The README's first picture: panels show what was found; a fingerprint tells if they are drawn otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from common.export import PREDICTED, overlay
from common.figures import Look, first_look_fingerprint, first_look_picture
from common.figures.first_look_picture import first_look_panels

MODULE = sys.modules["common.figures.first_look_picture"]


@pytest.fixture
def look() -> Look:
    """Two touching nuclei, and one outside the window."""
    labels = np.zeros((20, 30), dtype=np.int32)
    labels[4:10, 4:9], labels[4:10, 9:14], labels[15:19, 20:28] = 1, 2, 3
    image = np.stack([labels > 0, labels == 3]) * 200.0
    return Look("cells", image, labels, (slice(2, 12), slice(2, 22)), channel=0, zoom=2)


def test_every_panel_is_the_window_enlarged(look: Look) -> None:
    panels = first_look_panels(look)
    assert [panel.shape for panel in panels] == [(20, 40, 3)] * 3
    _, colours, outlined = panels
    inside = look.label_map[look.window].repeat(2, axis=0).repeat(2, axis=1)
    assert len(np.unique(colours[inside > 0], axis=0)) == 2 and not colours[inside == 0].any()
    orange = (outlined == PREDICTED).all(-1)
    assert orange.any() and not orange[inside == 0].any()


def test_only_the_channel_that_was_segmented_lies_under_the_outlines(look: Look) -> None:
    other = look._replace(image=look.image * np.array([1, 0])[:, None, None])
    assert np.array_equal(first_look_panels(look)[2], first_look_panels(other)[2])
    assert not np.array_equal(first_look_panels(look)[0], first_look_panels(other)[0])


def test_a_multiplex_image_is_shown_in_its_colours(look: Look) -> None:
    picture = first_look_panels(look._replace(colours=((255, 0, 0), (0, 255, 0))))[0]
    assert picture[..., 0].any() and not picture[..., 2].any()


def test_titles_count_the_nuclei_that_are_seen(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    draw = MODULE.contact_sheet

    def sheet(*pictures: Any, captions: list[str], **options: Any) -> np.ndarray:
        seen.extend(captions)
        return draw(*pictures, captions=captions, **options)

    monkeypatch.setattr(MODULE, "contact_sheet", sheet)
    assert first_look_picture([look, look]).shape[1] == 4 * 14 + 3 * 40
    assert seen == ["cells", "label map: 2 nuclei here", "outlines"] * 2


def darker(draw: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda *words, **options: (draw(*words, **options) * 0.9).astype(np.uint8)


@pytest.mark.parametrize("part", ["display_image", "composite_image", "label_colours", "overlay"])
def test_the_fingerprint_tells_a_drawing_that_changed(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = first_look_fingerprint()
    monkeypatch.setattr(MODULE, part, darker(getattr(MODULE, part)))
    assert first_look_fingerprint() != before


@pytest.mark.parametrize(("name", "value"), [("_PAPER", (0, 0, 0)), ("_FONT_PX", 13), ("_GAP_PX", 1)])
def test_the_fingerprint_tells_a_sheet_that_changed(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = first_look_fingerprint()
    monkeypatch.setattr(MODULE, name, value)
    assert first_look_fingerprint() != before


def test_the_fingerprint_stays_where_the_same_is_drawn_by_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = first_look_fingerprint()

    def rewritten(image: np.ndarray, label_map: np.ndarray) -> np.ndarray:
        return overlay(image.astype(np.float64), label_map.astype(np.uint16) * 7)

    monkeypatch.setattr(MODULE, "overlay", rewritten)
    assert first_look_fingerprint() == before
