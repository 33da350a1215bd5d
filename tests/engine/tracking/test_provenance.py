"""Tests of where a run says that it comes from."""

from __future__ import annotations

import getpass
import shlex
import sys

import pytest

from common.engine.tracking import provenance
from common.engine.tracking.provenance import TAGS_VARIABLE, code_tags, command_line, given_tags


def test_the_command_can_be_typed_again(monkeypatch):
    words = ["run", "training", "--config_file", "['a b.json', 'c.json']", "--note", 'it\'s "$HOME" \\', "2"]
    monkeypatch.setattr(sys, "argv", ["here", *words])
    assert shlex.split(command_line())[-len(words) :] == words
    assert "\"['a b.json', 'c.json']\"" in command_line()  # as the README writes it


@pytest.mark.parametrize(("changes", "end"), [("", ""), (" M train.json", "+dirty")])
def test_changes_since_the_commit_are_told(monkeypatch, changes, end):
    answers = {"rev-parse": "abc123", "status": changes}
    monkeypatch.setattr(provenance, "_git", lambda *words: answers[words[0]])
    tags = code_tags()
    assert tags["git_commit"] == "abc123" + end
    assert tags["mlflow.source.git.commit"] == "abc123"


def test_without_git_or_a_user_name_the_rest_is_told(monkeypatch):
    def nobody() -> str:
        raise KeyError("uid 1000 has no name")

    monkeypatch.setenv("PATH", "")  # no git
    monkeypatch.setattr(getpass, "getuser", nobody)
    tags = code_tags()
    assert "git_commit" not in tags and "mlflow.user" not in tags
    assert tags["variant"] == "default" and tags["command"]


def test_the_variant_is_the_overlays(monkeypatch):
    command = {
        "config_files": ["b/train.json", "b/ablations/no_log.json"],
        "options": {},
        "run_id": "training",
    }
    monkeypatch.setattr(provenance, "running_command", lambda: command)
    tags = code_tags()
    assert (tags["variant"], tags["mlflow.source.name"]) == ("no_log", "b/train.json")


def test_whoever_starts_a_run_can_give_it_tags(monkeypatch):
    monkeypatch.delenv(TAGS_VARIABLE, raising=False)
    assert given_tags() == {}
    monkeypatch.setenv(TAGS_VARIABLE, '{"mlflow.parentRunId": "abc", "row": 3}')
    assert given_tags() == {"mlflow.parentRunId": "abc", "row": "3"}
    for wrong in ("[1]", "{row"):
        monkeypatch.setenv(TAGS_VARIABLE, wrong)
        with pytest.raises(ValueError, match="NUCLEI_RUN_TAGS is .*give a JSON object"):
            given_tags()
