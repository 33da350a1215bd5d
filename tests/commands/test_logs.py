"""Tests of what a command shows of the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from common.commands import show_logs


def shown(monkeypatch, capsys, own: Sequence[logging.Handler] = ()) -> list[str]:
    """Return what is on stderr after a line of each level, where a program has handlers of its own."""
    logger = logging.getLogger("common")
    level = logger.level
    # Only for this while, because pytest has handlers of its own, which it takes away by itself.
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", list(own))
        patch.setattr(logger, "handlers", [])
        show_logs()
        show_logs()
        room = logging.getLogger("common.room")
        room.debug("detail")
        room.info("weights: %s", "model.pt")
        room.warning("no server answers")
        room.error("damaged")
    logger.setLevel(level)
    return capsys.readouterr().err.splitlines()


def test_news_are_the_message_alone_and_trouble_has_its_level_in_front(monkeypatch, capsys):
    expected = ["weights: model.pt", "warning: no server answers", "error: damaged"]
    assert shown(monkeypatch, capsys) == expected


def test_a_program_that_has_set_up_logging_keeps_its_own(monkeypatch, capsys):
    noted: list[str] = []
    own = logging.Handler()
    own.emit = lambda record: noted.append(record.getMessage())
    assert shown(monkeypatch, capsys, [own]) == []
    assert noted == ["weights: model.pt", "no server answers", "damaged"]
