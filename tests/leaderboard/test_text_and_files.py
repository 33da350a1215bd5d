"""The table, the file it can be made from again, the place in a document, and this project's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from common.engine.tracking import FinishedEvaluation
from common.files import sha256_of
from common.leaderboard import (
    IN_DOCUMENT,
    Board,
    boards_text,
    draw_board,
    gather,
    left_out_text,
    picture_source,
    read_board,
    read_boards,
    table_text,
    write_board,
)

Make = Callable[..., FinishedEvaluation]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def board(make: Make) -> Board:
    cost = {"parameters": 1.4e6, "images_per_second": 1.234, "threads": 2.0,
            "training_seconds": 600.0, "training_processor_seconds": 1140.0}  # fmt: skip
    every = [make("a", 0.5, seed=seed) for seed in range(3)]
    found, _ = gather([*every, make("b", 0.6, metrics=cost, changes="lr 0.1"), make("c|d", 0.2, metrics={})])
    assert found is not None
    return found


def test_the_table_has_the_best_first_with_intervals_and_costs(board: Board) -> None:
    head, rule, *rows = table_text(board).splitlines()[2:]
    assert head.startswith("| method | seeds | pq_mean |") and head.count("|") == rule.count("|")
    assert [row.split(" | ")[0] for row in rows] == ["| b (lr 0.1)", "| a", r"| c\|d"]
    assert "| 0.607 [0.604, 0.610] |" in rows[0] and rows[0].endswith(
        "|  | 1.40 M | 1.23 (2 threads) | 10 min (19 min) | short |"
    )
    assert "| 3 | 0.517 ± 0.010 [" in rows[1] and "-0.090 [-0.090, -0.090], p = " in rows[1]
    assert rows[2].endswith("| - | - | - | short |")
    assert table_text(board).startswith("**cells, test list, 8 images** (data abc):")


def test_what_is_left_out_is_told_by_reason() -> None:
    told = left_out_text({"a (1)": "it is old", "b (2)": "it is old", "c (3)": "it is new"})
    assert told == "left out, because it is old: a (1), b (2)\nleft out, because it is new: c (3)"


def test_the_file_holds_all_that_the_table_is_made_of(board: Board, tmp_path: Path) -> None:
    file = write_board(tmp_path / "cells.json", board)
    before = file.read_bytes()
    again = read_board(file)
    assert table_text(again) == table_text(board)
    assert write_board(file, again).read_bytes() == before
    assert read_boards(tmp_path) == {file: again} and read_boards(tmp_path / "none") == {}
    file.write_text("{}")
    with pytest.raises(ValueError, match="cells.json holds no leaderboard .*writes it anew"):
        read_board(file)


def test_the_picture_tells_from_what_it_was_drawn(board: Board, tmp_path: Path) -> None:
    file = write_board(tmp_path / "cells.json", board)
    picture = draw_board(file)
    assert picture == tmp_path / "cells.png" and picture_source(picture) == sha256_of(file)


def test_a_document_keeps_all_but_what_is_between_the_markers(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(f"a\r\n{IN_DOCUMENT.begin}\nold\n{IN_DOCUMENT.end}\nb\n".encode())
    IN_DOCUMENT.write(file, "new\n")
    assert file.read_bytes() == f"a\r\n{IN_DOCUMENT.begin}\nnew\n{IN_DOCUMENT.end}\nb\n".encode()
    assert IN_DOCUMENT.read(file) == "new\n"
    file.write_text("nothing")
    assert IN_DOCUMENT.read(file) is None
    with pytest.raises(ValueError, match="has no place for the leaderboard: put the lines <!-- leaderboard"):
        IN_DOCUMENT.write(file, "new")
    for text in (
        f"{IN_DOCUMENT.begin}\n",
        f"{IN_DOCUMENT.end}\n{IN_DOCUMENT.begin}\n",
        f"{IN_DOCUMENT.begin}\n{IN_DOCUMENT.end}\n" * 2,
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match="once each, in this order"):
            IN_DOCUMENT.read(file)


def drift(document: Path, results: Path) -> list[str]:
    """Return what in a document, or beside it, is not made of the figures in a folder."""
    again = "python -m scripts.leaderboard --write docs/leaderboard/README.md --rewrite"
    boards = read_boards(results)
    shown = IN_DOCUMENT.read(document)
    links = {
        file.with_suffix(".png").relative_to(document.parent).as_posix(): each
        for file, each in boards.items()
    }
    faults = []
    if shown is None and boards:
        faults.append(f"{document.name} has no place for {len(boards)} leaderboards: {IN_DOCUMENT}")
    if shown is not None and shown != boards_text(links):
        faults.append(f"{document.name} shows other figures than {results}: {again}")
    for file in boards:
        picture = file.with_suffix(".png")
        if not picture.is_file() or picture_source(picture) != sha256_of(file):
            faults.append(f"{picture} is not drawn from {file.name}: {again}")
    return faults


def test_the_document_shows_what_the_figures_say() -> None:
    results = ROOT / "docs/leaderboard"
    assert not drift(results / "README.md", results)


def test_this_file_sees_drift(board: Board, tmp_path: Path) -> None:
    results, document = tmp_path / "docs/leaderboard", tmp_path / "README.md"
    document.write_text(f"{IN_DOCUMENT.begin}\n{boards_text({})}{IN_DOCUMENT.end}\n", encoding="utf-8")
    assert not drift(document, results)
    file = write_board(results / "cells.json", board)
    assert len(drift(document, results)) == 2  # neither text nor picture
    draw_board(file)
    IN_DOCUMENT.write(document, boards_text({"docs/leaderboard/cells.png": board}))
    assert not drift(document, results)
    document.write_text(document.read_text("utf-8").replace("0.607", "0.907"), encoding="utf-8")
    assert [fault for fault in drift(document, results) if re.search("shows other figures", fault)]
