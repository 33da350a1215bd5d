"""The commit that a run tells is that of the code, wherever its command is typed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from common.engine.tracking import provenance


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_commit_is_that_of_the_code_wherever_the_command_is_typed(monkeypatch, tmp_path):
    # Nobody's settings, such as signed commits, stand in the way.
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "EMAIL": "nobody@example.org"}
    for name, value in {**settings, "GIT_AUTHOR_NAME": "Nobody", "GIT_COMMITTER_NAME": "Nobody"}.items():
        monkeypatch.setenv(name, value)
    heads = {}
    for name in ("code", "elsewhere"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "file.txt").write_text(name)
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", name]):
            subprocess.run(["git", *words], cwd=folder, check=True)
        log = ["git", "log", "-1", "--format=%H"]
        heads[name] = subprocess.check_output(log, cwd=folder, text=True).strip()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "code" / "provenance.py"))
    assert provenance.code_tags()["git_commit"] == heads["code"] != heads["elsewhere"]
    (tmp_path / "code" / "file.txt").write_text("changed")
    assert provenance.code_tags()["git_commit"] == heads["code"] + "+dirty"
