"""The name that a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher


def nearest_name(wanted: str, names: Sequence[str]) -> str:
    """Return the most similar name, letter case aside; there is always one.

    Args:
        wanted: what was typed.
        names: what there is; at least one.

    Example:
        >>> nearest_name("Trainning", ["test", "training"])
        'training'
    """
    typed = wanted.casefold()
    return max(
        names,
        key=lambda name: (
            name.casefold().startswith(typed),
            SequenceMatcher(None, typed, name.casefold()).ratio(),
        ),
    )
