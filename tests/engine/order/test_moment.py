"""Handlers are called by their moments, however they were attached, and all hear of an exception."""

from __future__ import annotations

import itertools

import pytest
from ignite.engine import Engine, Events

from common.engine.order import Moment, call_at, hear_exceptions


def _engine() -> Engine:
    return Engine(lambda engine, batch: batch)


@pytest.mark.parametrize("listed", list(itertools.permutations(["load", "one", "two", "save"])))
def test_moments_come_in_their_order_whatever_is_attached_first(listed):
    engine, seen = _engine(), []
    moments = {"load": Moment.LOAD, "save": Moment.SAVE}
    for name in listed:

        def handler(engine, name=name):
            seen.append(name)

        if name in moments:
            call_at(moments[name], engine, Events.EPOCH_COMPLETED, handler)
        else:  # as MONAI attaches its own
            engine.add_event_handler(Events.EPOCH_COMPLETED(every=1), handler)
    engine.run([0], max_epochs=2)
    plain = [name for name in listed if name not in moments]  # of one moment: as attached
    assert seen == ["load", *plain, "save"] * 2


@pytest.mark.parametrize("foreign_first", [True, False])
@pytest.mark.parametrize("error", [ValueError("bad batch"), KeyboardInterrupt()])
def test_every_listener_hears_and_the_exception_is_raised(foreign_first, error):
    engine, heard = _engine(), []

    def stop(engine):
        raise error

    def foreign(engine, error):
        raise error

    if foreign_first:
        engine.add_event_handler(Events.EXCEPTION_RAISED, foreign)
    for name in ("one", "two"):

        def listener(engine, error, name=name):
            heard.append((name, error))

        hear_exceptions(engine, listener)
    if not foreign_first:
        engine.add_event_handler(Events.EXCEPTION_RAISED, foreign)
    engine.add_event_handler(Events.STARTED, stop)
    with pytest.raises(type(error)) as caught:
        engine.run([0])
    assert caught.value is error
    assert heard == [("one", error), ("two", error)]


def test_a_listener_that_fails_hides_neither_the_cause_nor_the_others(caplog):
    engine, heard = _engine(), []

    def broken(engine, error):
        raise OSError("no server")

    def stop(engine):
        raise ValueError("bad batch")

    hear_exceptions(engine, broken)
    hear_exceptions(engine, lambda engine, error: heard.append(str(error)))
    engine.add_event_handler(Events.STARTED, stop)
    with pytest.raises(ValueError, match="bad batch"):
        engine.run([0])
    assert heard == ["bad batch"] and "no server" in caplog.text
