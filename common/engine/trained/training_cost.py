"""What a training cost, noted beside its weights: `training_cost.json`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["COST_FILE", "cost_of_training"]

COST_FILE = "training_cost.json"
_SUMS = ("seconds", "processor_seconds")
# An earlier training, moved aside, lies in a folder named by its time.
_SET_ASIDE = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def cost_of_training(weights: str | Path) -> dict[str, float]:
    """Return the seconds that a training took, those of its first stage in the folder `stage1` included.

    Args:
        weights: the file of weights.

    Returns:
        "seconds" by the clock and "processor_seconds" of all threads together; empty where nothing is known.
    """
    folder = Path(weights).parent
    own = _read(folder / COST_FILE)
    if own is None:
        return {}
    inside = [
        told
        for file in sorted(folder.glob(f"stage1/**/{COST_FILE}"))
        if not any(_SET_ASIDE.match(part) for part in file.relative_to(folder).parts)
        if (told := _read(file)) is not None
    ]
    return {name: float(sum(told[name] for told in [own, *inside])) for name in _SUMS}


def _read(file: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return told if all(isinstance(told[name], (int, float)) for name in _SUMS) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
