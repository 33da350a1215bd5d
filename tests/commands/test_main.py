"""Tests of a script's command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

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


def _run(monkeypatch, tmp_path, *words: str, function=prepare) -> int:
    calls.clear()
    monkeypatch.setattr(sys, "argv", ["prepare.py", *words])
    try:
        main(function, log_dir=tmp_path)
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
    (log,) = tmp_path.iterdir()
    assert lines[-2] == f"the full traceback is in {log}"
    assert "Traceback" in log.read_text()


def test_commands_that_fail_side_by_side_have_a_file_each(monkeypatch, tmp_path, capsys):
    for process in (7, 8):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        _run(monkeypatch, tmp_path, "broken", "data")
    lines = capsys.readouterr().err.splitlines()
    named = {line.removeprefix("the full traceback is in ") for line in lines if "traceback" in line}
    assert named == {str(file) for file in tmp_path.iterdir()} and len(named) == 2


def test_the_newest_ten_tracebacks_stay_and_nothing_else_goes(monkeypatch, tmp_path):
    (tmp_path / "error_of_mine.log").touch()
    old = [tmp_path / f"error_20200101-0000{second:02}_1.log" for second in range(20)]
    for file in old:
        file.touch()
    _run(monkeypatch, tmp_path, "broken", "data")
    assert [file.exists() for file in old] == [False] * 11 + [True] * 9
    assert len(list(tmp_path.iterdir())) == 11 and (tmp_path / "error_of_mine.log").exists()


def test_an_interruption_is_no_error(monkeypatch, tmp_path, capsys):
    assert _run(monkeypatch, tmp_path, "stopped", "data") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert not list(tmp_path.iterdir())


def write(
    output: str = "runs",
    *,
    version: str | None = None,
    document: str | bool | None = None,
    mlflow: bool = True,
    share: float = 0.5,
    folders: str | Sequence[str] = (),
) -> None:
    """Write something."""
    calls.append((output, version, document, mlflow, share, folders))


@pytest.mark.parametrize(
    ("words", "arrives"),
    [
        ((), ("runs", None, None, True, 0.5, ())),
        (("2024",), ("2024", None, None, True, 0.5, ())),
        (("--output", "2024_10", "--version=0.20"), ("2024_10", "0.20", None, True, 0.5, ())),
        (("--version", "None", "--share", "1"), ("runs", None, None, True, 1, ())),
        (("--output", "[a,b]", "--folders", "c,d"), (["a", "b"], None, None, True, 0.5, ("c", "d"))),
        (("--document", "--output", "./a#b"), ("./a#b", None, True, True, 0.5, ())),
        (("--document", "a.md", "--nomlflow"), ("runs", None, "a.md", False, 0.5, ())),
        (("--nodocument", "--mlflow", "False"), ("runs", None, False, False, 0.5, ())),
        (("--mlflow", "0"), ("runs", None, None, False, 0.5, ())),
    ],
)
def test_texts_are_what_was_typed_and_all_else_what_it_means(monkeypatch, tmp_path, words, arrives):
    assert _run(monkeypatch, tmp_path, *words, function=write) == 0
    assert calls == [arrives]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--mlflow", "false"), "--mlflow must be True or False, not 'false'"),
        (("--mlflow=no",), "--mlflow must be True or False, not 'no'"),
        (("--mlflow", "2"), "--mlflow must be True or False, not 2"),
        (("--output", "results#2"), "--output results#2 cannot be used, because what follows '#' is cut off"),
        (("results#2",), "--output results#2 cannot be used"),
        (("--share", "1#2"), "--share 1#2 cannot be used"),
        (("--output", "--share", "1"), "--output has no value: write it after the name"),
        (("--version",), "--version has no value"),
    ],
)
def test_a_value_that_would_be_read_as_another_runs_nothing(monkeypatch, tmp_path, capsys, words, sentence):
    assert _run(monkeypatch, tmp_path, *words, function=write) == 2
    assert calls == []
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {sentence}")


def test_help_shows_usage_and_docstring(monkeypatch, tmp_path, capsys):
    assert _run(monkeypatch, tmp_path, "--help") == 0
    shown = capsys.readouterr().out
    assert "NAME SOURCE [--seed 0]" in shown and "Prepare a data set." in shown
    assert calls == []


def test_what_fails_elsewhere_says_where_commands_are_typed(monkeypatch, tmp_path, capsys, repository):
    monkeypatch.chdir(tmp_path)
    assert _run(monkeypatch, tmp_path, "broken", "data") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: source is empty: ") and said.endswith(f"type it in {repository}")
