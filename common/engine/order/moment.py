"""The moments of an event, in their order: handlers name theirs and may be attached in any order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import IntEnum
from typing import Any, SupportsIndex

from ignite.engine import Engine, Events

__all__ = ["Moment", "call_at", "hear_exceptions"]

_log = logging.getLogger(__name__)


class Moment(IntEnum):
    """When a handler is called among those of the same event, whatever the event.

    Handlers that name no moment, MONAI's among them, are called at `WORK`. Those of one moment do not depend
    on each other.
    """

    SEED = 0
    """Random generators begin anew: what the others draw is drawn after it."""
    LOAD = 1
    """Weights to begin with are read: from a file that may be moved a moment later."""
    OPEN = 2
    """The run in MLflow is opened: without its server nothing on the disk has changed."""
    READY = 3
    """The folder of the training is readied, and what lies there moved aside."""
    RESTORE = 4
    """What a resumed training had is put back."""
    WORK = 5
    """Everything else: the validation, scores, averages, reports."""
    SCHEDULE = 6
    """The learning rate moves on: the rate that was used has been noted, the validation is there to judge."""
    NOTE = 7
    """MLflow notes what the others did."""
    SAVE = 8
    """The last checkpoint is written: an epoch that is in it is in MLflow, too."""
    SHOW = 9
    """A person is told."""


class _Line(list[Any]):
    """The handlers of one event as ignite holds them; whatever is appended takes its place by its moment."""

    def __init__(self, entries: list[Any]) -> None:
        super().__init__(entries)
        self.moments: dict[Any, Moment] = {}

    def _moment(self, entry: tuple[Any, ...]) -> Moment:
        return self.moments.get(entry[0], Moment.WORK)

    def append(self, entry: Any) -> None:
        moment = self._moment(entry)
        later: list[SupportsIndex] = [n for n, other in enumerate(self) if self._moment(other) > moment]
        self.insert(later[0] if later else len(self), entry)


def call_at(moment: Moment, engine: Engine, event: Events, handler: Callable[..., None]) -> None:
    """Attach a handler that is called at a moment of an event.

    Args:
        moment: its place among the handlers of the event, before or after this call attached.
        engine: the engine.
        event: an event without a filter.
        handler: the handler, as for ignite's ``add_event_handler``.

    Example:
        >>> engine, seen = Engine(lambda engine, batch: None), []
        >>> call_at(Moment.SAVE, engine, Events.COMPLETED, lambda: seen.append("save"))
        >>> _ = engine.add_event_handler(Events.COMPLETED, lambda: seen.append("work"))
        >>> call_at(Moment.LOAD, engine, Events.COMPLETED, lambda: seen.append("load"))
        >>> _ = engine.run([0])
        >>> seen
        ['load', 'work', 'save']
    """
    line = engine._event_handlers[event]
    if not isinstance(line, _Line):
        line = engine._event_handlers[event] = _Line(line)
    line.moments[handler] = moment
    engine.add_event_handler(event, handler)


def hear_exceptions(engine: Engine, listener: Callable[[Engine, BaseException], None]) -> None:
    """Let a listener hear of the exception that ends a run; afterwards it is raised again.

    ignite stops at the first handler that raises, and lets the run end well if none does. Here every listener
    hears, before any handler that was attached otherwise, and none raises the exception itself. What goes
    wrong in a listener is logged, so that it does not hide the cause.

    Args:
        engine: the engine.
        listener: called with the engine and the exception.
    """

    def hear(engine: Engine, error: BaseException) -> None:
        try:
            listener(engine, error)
        except Exception as other:
            _log.warning("after %s another error: %s", type(error).__name__, other)

    call_at(Moment.LOAD, engine, Events.EXCEPTION_RAISED, hear)
    if not engine.has_event_handler(_raise_again, Events.EXCEPTION_RAISED):
        call_at(Moment.SHOW, engine, Events.EXCEPTION_RAISED, _raise_again)


def _raise_again(engine: Engine, error: BaseException) -> None:
    raise error
