"""Whether what a paper claims of its rows came out here, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from .statistics import RowScores, paired_difference
from .table import Claim

__all__ = ["verdict"]

_FEW = 3  # with fewer trainings of each row, all on one side is no news


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
    held = "the direction held" if right else "the direction did not hold"
    if len(pairs) > 1:
        held = f"the direction held in {len(right)} of {len(pairs)} comparisons; the closest, or worst"
    text = f"{claim.says}: {held}: {one} {means[one]:.3f} against {other} {means[other]:.3f} on {claim.score}"
    first, second = rows[one].values(claim.score), rows[other].values(claim.score)
    shared = first.keys() & second.keys()
    above = sum(first[place] > second[place] for place in shared)
    interval = paired_difference(rows[one], rows[other], claim.score)
    told = []
    if len(shared) > 1:
        told.append(f"above it in {above} of {len(shared)} trainings with the same seed and lists")
    if interval is not None:
        told.append(f"difference over images {interval[0]:+.3f} to {interval[1]:+.3f} (95 %, bootstrap)")
    # Images alone say nothing of other seeds, and seeds nothing of other images: both must agree.
    agree = (
        len(shared) > 0 and above in (0, len(shared)) and (interval is None or interval[0] * interval[1] > 0)
    )
    if len(shared) < _FEW:
        told.append(f"fewer than {_FEW} trainings of each cannot exclude chance")
    else:
        told.append("more than chance" if agree else "which may be chance")
    return f"{text}; {', '.join(told)}."
