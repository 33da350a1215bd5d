"""Tests of a script's command line."""

from __future__ import annotations

import sys

import pytest

from common.commands import main

calls: list[tuple] = []


def prepare(name: str, source: str, *, seed: int = 0, overwrite: bool = False) -> dict[str, int]:
    """Prepare a data set.

    Args:
        name: which.
        source: where it comes from.
        seed: of the split.
        overwrite: whether to replace it.
    """
    calls.append((name, source, seed, overwrite))
    if name == "broken":
        raise ValueError("source is empty: give a folder with images")
    if name == "stopped":
        raise KeyboardInterrupt
    return {"result": 1}


def _run(monkeypatch, tmp_path, *words: str) -> int:
    calls.clear()
    monkeypatch.setattr(sys, "argv", ["prepare.py", *words])
    try:
        main(prepare, log_dir=tmp_path)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    "words",
    [
        ("dsb", "data", "--seed", "3", "--overwrite"),
        ("dsb", "--source", "data", "--seed=3", "--overwrite=True"),
        ("--overwrite", "--name", "dsb", "--source=data", "--seed", "3"),
    ],
)
def test_every_way_to_write_it_arrives_the_same(monkeypatch, tmp_path, capsys, words):
    assert _run(monkeypatch, tmp_path, *words) == 0
    assert calls == [("dsb", "data", 3, True)]
    assert capsys.readouterr().out == ""


def test_a_switch_can_be_said_no_to(monkeypatch, tmp_path):
    assert _run(monkeypatch, tmp_path, "dsb", "data", "--nooverwrite") == 0
    assert calls == [("dsb", "data", 0, False)]


def test_negative_numbers_are_values(monkeypatch, tmp_path):
    assert _run(monkeypatch, tmp_path, "dsb", "data", "--seed", "-1") == 0
    assert calls == [("dsb", "data", -1, False)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("dsb", "data", "--sead", "3"), "unknown option --sead: did you mean --seed?"),
        (("dsb", "data", "-s", "3"), "unknown option --s"),
        (("dsb",), "source is missing"),
        (("dsb", "data", "more"), "unexpected 'more'"),
    ],
)
def test_a_wrong_command_line_runs_nothing(monkeypatch, tmp_path, capsys, words, sentence):
    assert _run(monkeypatch, tmp_path, *words) == 2
    assert calls == []
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {sentence}")


def test_an_error_is_the_last_line_and_its_traceback_a_file(monkeypatch, tmp_path, capsys):
    assert _run(monkeypatch, tmp_path, "broken", "data") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "error: source is empty: give a folder with images"
    assert lines[-2].endswith(str(tmp_path / "error.log"))
    assert "Traceback" in (tmp_path / "error.log").read_text()


def test_an_interruption_is_no_error(monkeypatch, tmp_path, capsys):
    assert _run(monkeypatch, tmp_path, "stopped", "data") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert not list(tmp_path.iterdir())


def test_help_shows_usage_and_docstring(monkeypatch, tmp_path, capsys):
    assert _run(monkeypatch, tmp_path, "--help") == 0
    shown = capsys.readouterr().out
    assert "NAME SOURCE [--seed 0]" in shown and "Prepare a data set." in shown
    assert calls == []
