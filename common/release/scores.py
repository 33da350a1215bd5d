"""What released weights reach on a list of images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SCORES", "ListScores", "read_scores"]

SCORES = ("ap_50", "f1_50", "f1_mu", "pq", "sq", "aji", "dice")
"""What is told, by the field's names: aji and dice are means over images, the others are over all nuclei.

Of weights that find whole cells too the same is told of these, as `cell_NAME`.
"""
_MEANS = ("aji", "dice")
_DIGITS = 6  # kept; three are shown, and rounding four to three would tell another third one


@dataclass(frozen=True)
class ListScores:
    """Scores of one list of a data set."""

    data: str
    split: str
    images: int
    scores: Mapping[str, float]

    @property
    def title(self) -> str:
        """Data set and list in words."""
        return f"{self.data} {self.split}"


def read_scores(data: str, split: str, report: Path) -> ListScores:
    """Read the scores of an evaluation.

    Args:
        data: name of the data set.
        split: the list.
        report: the evaluation's metrics.json.
    """
    content = json.loads(report.read_text(encoding="utf-8"))
    keys = {name: f"{name}_{'mean' if name in _MEANS else 'pooled'}" for name in SCORES}
    scores = {
        f"{kind}{name}": round(float(content[f"{kind}{key}"]), _DIGITS)
        for kind in ("", "cell_")
        for name, key in keys.items()
        if f"{kind}{key}" in content
    }
    return ListScores(data, split, len(content["images"]), scores)
