"""Whether what a paper claims of its rows came out here, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from .statistics import RowScores, paired_difference
from .table import Claim

__all__ = ["verdict"]


def verdict(claim: Claim, rows: Mapping[str, RowScores]) -> str:
    """Return a sentence on a claim: whether its direction held, by how much, and whether it may be chance.

    Args:
        claim: the claim.
        rows: row -> its scores.
    """
    names = [*claim.better, *claim.worse, *claim.alike]
    figures = {name: rows[name].figure(claim.score) for name in names}
    missing = [name for name, figure in figures.items() if figure is None]
    if missing:
        return f"{claim.says}: cannot be said, there is no {claim.score} of {', '.join(missing)}."
    # A row of which some trainings failed is compared by others than its rivals.
    partial = [name for name in names if rows[name].failed is not None]
    note = f" Some trainings of {', '.join(partial)} failed." if partial else ""
    means = {name: figure.mean for name, figure in figures.items() if figure is not None}
    if claim.alike:
        return _alike(claim, means) + note
    return _better(claim, means, rows) + note


def _alike(claim: Claim, means: Mapping[str, float]) -> str:
    one, other = max(combinations(claim.alike, 2), key=lambda pair: abs(means[pair[0]] - means[pair[1]]))
    apart = abs(means[one] - means[other])
    held = "held" if apart <= claim.within else "did not hold"
    return (
        f"{claim.says}: {held}. {one} ({means[one]:.3f}) and {other} ({means[other]:.3f}) are {apart:.3f}"
        f" apart on {claim.score}; at most {claim.within:g} counts as alike."
    )


def _better(claim: Claim, means: Mapping[str, float], rows: Mapping[str, RowScores]) -> str:
    pairs = [(one, other) for one in claim.better for other in claim.worse]
    right = [pair for pair in pairs if means[pair[0]] > means[pair[1]]]
    one, other = min(pairs, key=lambda pair: means[pair[0]] - means[pair[1]])
    held = "the direction held" if len(right) == len(pairs) else "the direction did not hold"
    of = "" if len(pairs) == 1 else f" in {len(right)} of {len(pairs)} comparisons; the closest, or worst"
    text = (
        f"{claim.says}: {held}{of}: {one} {means[one]:.3f} against {other} {means[other]:.3f}"
        f" on {claim.score}"
    )
    first, second = rows[one].values(claim.score), rows[other].values(claim.score)
    shared = first.keys() & second.keys()
    if len(shared) > 1:
        wins = sum(first[place] > second[place] for place in shared)
        text += f", above it in {wins} of {len(shared)} trainings with the same seed and lists"
    interval = paired_difference(rows[one], rows[other], claim.score)
    if interval is None:
        return f"{text}."
    chance = "which may be chance" if interval[0] <= 0 <= interval[1] else "more than chance over images"
    return (
        f"{text}; difference over images {interval[0]:+.3f} to {interval[1]:+.3f} (95 %, bootstrap), {chance}."
    )
