"""How a bundle's configurations are written: one line a thing, a blank line between blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["written"]

# The method comes first, then these begin the options and the wiring.
_BEGINS = ("bundle_root", "device")


def written(content: Mapping[str, Any]) -> str:
    """Return the text of a configuration.

    Args:
        content: what it holds, in order.

    Example:
        >>> print(written({"loss": {"channels": [0, 1]}, "bundle_root": "bundles/a", "seed": 0}), end="")
        {
            "loss": {
                "channels": [0, 1]
            },
        <BLANKLINE>
            "bundle_root": "bundles/a",
            "seed": 0
        }
    """
    text = json.dumps(content, indent=4, ensure_ascii=False)
    # A list of numbers or words is one thing. Inside strings JSON has no line breaks.
    text = re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s*\]", _on_one_line, text)
    for name in _BEGINS:
        text = text.replace(f',\n    "{name}":', f',\n\n    "{name}":')
    return text + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", found[1]) + "]"
