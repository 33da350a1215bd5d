"""Where two configurations differ, for sentences that name the setting and both of its values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["as_json", "first_difference", "shown"]

_LONGEST = 60  # characters of a value in a sentence


def as_json(config: Any) -> Any:
    """Return a configuration as it is after being written to a file and read back; what is no JSON is named.

    Example:
        >>> as_json({"tile": (256, 256)})
        {'tile': [256, 256]}
    """
    return json.loads(json.dumps(config, default=str))


def first_difference(one: Any, other: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Find the first setting in which two configurations differ.

    Args:
        one: a configuration, or part of one.
        other: the other; a name that only one of them has is None in the other.
        name: what the two are called.

    Returns:
        The setting's name, nested ones joined by "::" as MONAI does, and both values; None where
        nothing differs.

    Example:
        >>> first_difference({"net": {"depth": 3, "width": 8}}, {"net": {"depth": 4, "width": 8}})
        ('net::depth', 3, 4)
        >>> first_difference({"sigmas": [9]}, {"sigmas": [9]}) is None
        True
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys((*one, *other)):
            inside = f"{name}::{key}" if name else str(key)
            if (found := first_difference(one.get(key), other.get(key), inside)) is not None:
                return found
        return None
    return None if as_json(one) == as_json(other) else (name, one, other)


def shown(value: Any) -> str:
    """Return a value as a sentence shows it, cut where it is long.

    Example:
        >>> shown([9]), shown(None), shown("x" * 100)[-5:]
        ('[9]', 'not set', 'xx...')
    """
    if value is None:
        return "not set"
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
