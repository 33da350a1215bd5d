"""The type in which label maps are stored: 16 bits, unless there are more nuclei than those can number."""

from __future__ import annotations

import numpy as np


def label_type(highest: int) -> type[np.uint16] | type[np.uint32]:
    """Return the type that holds label maps up to a number.

    Args:
        highest: the largest number in the label map, 0 to 4,294,967,295.

    Example:
        >>> [label_type(highest).__name__ for highest in (0, 65_535, 65_536)]
        ['uint16', 'uint16', 'uint32']
    """
    return np.uint16 if highest <= np.iinfo(np.uint16).max else np.uint32
