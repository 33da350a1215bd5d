"""From a store to the document, by the command."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from common.engine.tracking import FinishedEvaluation, MLflowStore
from common.leaderboard import IN_DOCUMENT, read_board
from scripts.leaderboard import leaderboard

Make = Callable[..., FinishedEvaluation]


def note(each: FinishedEvaluation, status: str = "FINISHED", job: str = "evaluating") -> None:
    """Put an evaluation into the store of this folder, as a run does."""
    store = MLflowStore(each.data, each.name)
    store.open(params={}, tags={**each.tags, "job": job})
    store.metrics(each.metrics, step=0)
    Path("metrics.json").write_text(json.dumps(each.report), encoding="utf-8")
    store.artifact("metrics.json")
    store.close(status)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in an empty folder with two documents: the usual one, and one elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "docs/leaderboard").mkdir(parents=True)
    for name in ("README.md", "docs/leaderboard/README.md"):
        (tmp_path / name).write_text(f"# A\n{IN_DOCUMENT.begin}\n{IN_DOCUMENT.end}\n", encoding="utf-8")
    return tmp_path


def test_from_the_store_to_the_document(place: Path, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileNotFoundError, match="mlruns.db is not there: train and evaluate first"):
        leaderboard()
    assert not Path("mlruns.db").exists()
    for seed in range(2):
        note(make("a", 0.5, seed=seed))
    note(make("b", 0.6))
    note(make("b", 0.9, split="validation"))
    note(make("c", 0.9), status="FAILED")
    note(make("d", 0.9), job="training")
    note(make("a", 0.4, data="sample_fluorescence"))
    (file,) = leaderboard()
    assert file == Path("runs/leaderboard/cells.json") and file.with_suffix(".png").is_file()
    assert file.with_name("cells_violins.png").read_bytes().startswith(b"\x89PNG")
    board = read_board(file)
    assert [(entry.method, entry.seeds) for entry in board.ranked] == [("b", 1), ("a", 2)]
    assert board.entries[0].cost["parameters"] == 2e6
    said = capsys.readouterr().out
    assert (
        "left out, because it is of the validation list: b test seed 0 (" in said
        and "| b | 1 | 0.607" in said
    )
    usual = place / "docs/leaderboard/README.md"
    assert IN_DOCUMENT.read(usual) == ""

    (file,) = leaderboard(write=True)
    assert file == Path("docs/leaderboard/cells.json")
    text = IN_DOCUMENT.read(usual) or ""
    assert "| b | 1 | 0.607" in text and "](cells.png)" in text
    assert IN_DOCUMENT.read(place / "README.md") == ""
    file.with_suffix(".png").unlink()
    leaderboard(write="README.md", rewrite=True)
    elsewhere = IN_DOCUMENT.read(place / "README.md") or ""
    assert elsewhere == text.replace("](cells.png)", "](docs/leaderboard/cells.png)")
    assert file.with_suffix(".png").is_file()

    with pytest.raises(FileNotFoundError, match="nothing was evaluated on 'cels': did you mean cells"):
        leaderboard("cels")
    assert [file.stem for file in leaderboard("sample_fluorescence")] == ["sample_fluorescence"]


def test_a_store_that_cannot_be_read_is_told(
    place: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mlruns.db").write_text("no data base at all" * 100)
    with pytest.raises(
        RuntimeError, match=r"MLflow at sqlite:.*mlruns.db cannot be read \(.*\): correct MLFLOW"
    ):
        leaderboard()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="no MLflow server answers at http://127.0.0.1:9"):
        leaderboard()


def test_a_store_that_another_program_keeps_locked_is_told(place: Path, make: Make) -> None:
    note(make("a", 0.5))
    other = sqlite3.connect("mlruns.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RuntimeError, match=r"\(.*database is locked.*\): close the program that keeps"):
        leaderboard()
    other.close()
    assert leaderboard()


def test_a_document_without_a_place_is_refused_before_anything_is_written(place: Path) -> None:
    (place / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="has no place for the leaderboard"):
        leaderboard(write="README.md")
    with pytest.raises(FileNotFoundError, match="gone.md is not there"):
        leaderboard(write="gone.md")
    with pytest.raises(ValueError, match="--rewrite needs a document"):
        leaderboard(rewrite=True)
    assert [file.name for file in (place / "docs").rglob("*.*")] == ["README.md"]
