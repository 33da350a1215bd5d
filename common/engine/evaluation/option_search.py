"""Which values of some options score best, found one option after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Trial", "search_options"]


@dataclass(frozen=True)
class Trial:
    """Some options, and what they scored."""

    options: Mapping[str, Any]
    score: float


def search_options(
    score: Callable[[Mapping[str, Any]], float],
    start: Mapping[str, Any],
    candidates: Mapping[str, Sequence[Any]],
    *,
    rounds: int = 3,
    least_gain: float = 0.001,
) -> list[Trial]:
    """Change one option at a time to the candidate that scores best, until a round changes none.

    On few images the highest of many scores is partly luck: a value is left for another only if that one is
    better by `least_gain`, and among equals the one nearest to the value before stays.

    Args:
        score: gives the score of a choice of all options; NaN counts as the worst.
        start: a value for each option, the first trial.
        candidates: option -> values that are tried beside its own.
        rounds: how often all options are gone through.
        least_gain: what another value must bring.

    Returns:
        All trials in order, none twice, the last the best one once more. The first is the start.

    Example:
        >>> trials = search_options(lambda o: -abs(o["a"] - 3.0), {"a": 1, "b": 0}, {"a": [2, 3, 4]})
        >>> dict(trials[-1].options), trials[0].score, trials[-1].score
        ({'a': 3, 'b': 0}, -2.0, -0.0)
    """
    known: dict[tuple[tuple[str, Any], ...], float] = {}

    def scored(options: Mapping[str, Any]) -> float:
        key = tuple(sorted(options.items()))
        if key not in known:
            known[key] = score(options)
            trials.append(Trial(dict(options), known[key]))
        return known[key] if known[key] == known[key] else float("-inf")

    trials: list[Trial] = []
    best = dict(start)
    scored(best)
    for _ in range(rounds):
        before = dict(best)
        for name, values in candidates.items():
            here = best[name]
            nearest_first = sorted(set(values) - {here}, key=lambda value: abs(value - here))
            for value in nearest_first:
                other = {**best, name: value}
                if scored(other) - scored(best) >= least_gain:  # not where both are undefined
                    best = other
        if best == before:
            break
    return [*trials, Trial(best, scored(best))]
