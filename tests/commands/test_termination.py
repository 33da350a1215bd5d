"""A request to end ends a command as Ctrl-C does, but does not break off what another one closes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from common.commands import end_like_interrupt


@pytest.fixture(autouse=True)
def terminal() -> Iterator[None]:
    """Have the answers of a command in a terminal, to which SIGTERM is then made like Ctrl-C."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    end_like_interrupt()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_closing_after_a_first_request_is_not_broken_off(first: signal.Signals) -> None:
    closed = []
    with pytest.raises(KeyboardInterrupt):
        try:
            signal.raise_signal(first)
        finally:
            try:
                raise OSError("the store is busy")
            except OSError:
                signal.raise_signal(signal.SIGTERM)
            closed.append(True)
    assert closed


def test_after_another_error_it_is_still_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        try:
            raise OSError("the store is busy")
        except OSError:
            signal.raise_signal(signal.SIGTERM)


def test_the_next_request_is_heard_where_the_first_is_over() -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_program_keeps_its_own_answer() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_like_interrupt()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
