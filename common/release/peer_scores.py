"""What a package of others reaches that was trained as released weights were: peers/PEER/scores.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..bundle_config import read_json
from ..files import write_whole
from .recipe import Recipe
from .scores import ListScores

__all__ = ["SCORES_FILE", "write_peer_scores"]

SCORES_FILE = "scores.json"


def write_peer_scores(
    folder: Path, recipe: Recipe, scores: Sequence[ListScores], *, says: str, budget: str
) -> None:
    """Write what a peer reaches into its folder; its scores of other lists stay.

    Args:
        folder: the peer's.
        recipe: the recipe whose data it was trained on.
        scores: those of each list that the recipe names.
        says: what is run, its name and version first, then a comma.
        budget: how long it was trained, in words.
    """
    file = folder / SCORES_FILE
    told = read_json(file) if file.is_file() else {}
    for each in scores:
        told[each.title] = {
            "says": says, "budget": budget, "trained_on": list(recipe.data), "images": each.images,
            "scores": dict(each.scores),
        }  # fmt: skip
    text = json.dumps(dict(sorted(told.items())), indent=4) + "\n"
    write_whole(file, lambda part: part.write_text(text, encoding="utf-8"))
