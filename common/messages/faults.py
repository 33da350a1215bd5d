"""Everything that is wrong, told at once: each fault a line of the log, the first in the error."""

from __future__ import annotations

import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)
_MOST_LINES = 50


def refuse_faults(faults: Sequence[str], total: int, what: str) -> None:
    """Raise one error for all faults that were found; where there are several, the log lists them first.

    Args:
        faults: a sentence each; an empty list passes.
        total: how many things were looked at.
        what: what the things are and what is wrong, such as "images cannot be used".

    Raises:
        ValueError: with the only fault, or with their number and the first.
    """
    if not faults:
        return
    if len(faults) == 1:
        raise ValueError(faults[0])
    for fault in faults[:_MOST_LINES]:
        logger.error("%s", fault)
    if len(faults) > _MOST_LINES:
        logger.error("and %d more", len(faults) - _MOST_LINES)
    raise ValueError(f"{len(faults)} of {total} {what} (the log lists them); the first: {faults[0]}")
