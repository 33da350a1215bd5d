"""Pictures of web pages, with a browser where there is one; where there is none, one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.figures import find_browser, page_picture, photograph_page

PAGE = """<body style="margin: 0; background: rgb(0, 0, 255)">
<div id="tool" style="width: 10px; height: 10px; background: rgb(255, 0, 0)"></div>
<script>
if (localStorage.getItem("seen") === "yes") document.body.style.background = "rgb(0, 255, 0)";
setTimeout(() => { window.drawn = true; }, 300);
</script>"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    try:
        find_browser()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    (tmp_path / "page.html").write_text(PAGE)
    return (tmp_path / "page.html").as_uri()


def test_a_page_is_shown_as_it_is_when_it_is_ready(page: str) -> None:
    picture = photograph_page(page, ready="window.drawn", size_px=(300, 200), scale=2)
    assert picture.shape == (400, 600, 3) and picture.dtype == np.uint8
    assert picture[5, 5].tolist() == [255, 0, 0] and picture[90, 90].tolist() == [0, 0, 255]


def test_notes_of_a_visit_steps_and_what_is_hidden(page: str) -> None:
    picture = photograph_page(
        page,
        ready="window.drawn",
        size_px=(300, 200),
        scale=1,
        remembered={"seen": "yes"},
        steps={"document.body.append('x'); window.pressed = true": "window.pressed"},
        hidden="#tool",
    )
    assert picture[5, 5].tolist() == [0, 255, 0]


def test_a_page_that_does_not_get_ready_is_one_sentence(page: str) -> None:
    with pytest.raises(TimeoutError, match="was not ready in 0.5 s: 'window.never' stayed false"):
        photograph_page(page, ready="window.never", size_px=(300, 200), timeout_s=0.5)


def test_without_a_browser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_picture.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="no Chromium, Chrome or Edge .* apt-get install chromium"):
        photograph_page("about:blank", ready="true")
