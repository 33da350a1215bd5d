"""The name that a misspelt one was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["nearest", "suggest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a misspelt one, letter case aside, or None if none is.

    Args:
        name: what was typed.
        known: what there is.

    Example:
        >>> nearest("epoch", ["epochs", "seed"]), nearest("val", ["test", "validation"])
        ('epochs', 'validation')
        >>> nearest("colour", ["epochs", "seed"]) is None
        True
    """
    names = {word.casefold(): word for word in known}
    typed = name.strip().casefold()
    begins = [word for word in names if len(typed) > 1 and word.startswith(typed)]
    found = begins or difflib.get_close_matches(typed, names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def suggest(name: str, known: Sequence[str]) -> str:
    """Return the end of a sentence that refuses a name: the one that was probably meant, else all there are.

    Args:
        name: what was typed.
        known: what there is; at least one.

    Example:
        >>> suggest("tets", ["training", "test"]), suggest("x", ["training", "test"])
        ('did you mean test?', 'choose one of training, test')
    """
    near = nearest(name, known)
    if near is not None:
        return f"did you mean {near}?"
    return f"choose {'one of ' if len(known) > 1 else ''}{', '.join(known)}"
