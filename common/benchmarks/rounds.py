"""Things timed in turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["CLOCKS", "in_turns", "seconds"]

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""The second leaves out what a busy machine does meanwhile, and adds up all threads: for one thread alone."""


def seconds(call: Callable[[], object], clock: str = "wall") -> float:
    """Return the seconds that a call takes.

    Args:
        call: what is timed.
        clock: one of `CLOCKS`.
    """
    start = CLOCKS[clock]()
    call()
    return CLOCKS[clock]() - start


def in_turns(timers: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Return the median time of each thing over rounds, in each of which each has its turn once.

    A round before warms up. One after the other would compare the machine's moods: here a slow minute slows
    all of them.

    Args:
        timers: name -> what does the thing once and returns its seconds.
        rounds: how often each has its turn.

    Raises:
        ValueError: if there is nothing to repeat.

    Example:
        >>> in_turns({"a": iter([9, 1, 2, 3]).__next__, "b": iter([8, 5, 7, 6]).__next__}, rounds=3)
        {'a': 2, 'b': 6}
    """
    if rounds < 1:
        raise ValueError(f"--repeats is {rounds}: give 1 or more")
    times: dict[str, list[float]] = {name: [] for name in timers}
    for turn in range(rounds + 1):
        for name, timer in timers.items():
            taken = timer()
            if turn:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}
