"""What a bundle's docs say of its released weights, written by the command that releases them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Sheet

from ..files import MarkedPart, write_whole
from .recipe import Recipe
from .scores import SCORES, ListScores

__all__ = ["RELEASED", "card_text", "curve_picture", "picture_name"]

RELEASED = MarkedPart(
    "<!-- released weights: written by python -m scripts.release -->",
    "<!-- end of the released weights -->",
    "the scores of released weights",
)


def picture_name(data: str, split: str) -> str:
    """Return the name of the picture of the best and worst images of a list."""
    return f"released_{data}_{split}.png"


def card_text(
    recipe: Recipe,
    scores: Sequence[ListScores],
    cost: Mapping[str, float],
    *,
    version: str,
    megabytes: float,
    tuned: Mapping[str, Any],
    curve: str | None,
) -> str:
    """Return what stands between the markers of docs/README.md, as Markdown.

    Args:
        recipe: how the weights were made.
        scores: what they reach.
        cost: of the training, see `cost_of_training`; may be empty.
        version: of the release.
        megabytes: size of the file.
        tuned: what tuned.json holds.
        curve: name of the picture of the learning curve beside the document; None: there is none.
    """
    name = recipe.bundle.name
    begun = recipe.begun_from
    time = f" It took {_minutes(cost)}." if cost else ""
    again = "and to make them again"
    if begun is not None:
        time += (
            f" It began with version {begun.version} of the weights of `{begun.bundle}`, which had taken"
            f" {begun.processor_seconds / 60:.0f} minutes of processor time."
        )
        if begun.bundle == name:
            again = f"and to make them again, with the file of version {begun.version} in their place"
    told = [*SCORES, *dict.fromkeys(name for each in scores for name in each.scores if name not in SCORES)]
    lines = [
        "",
        f"Version {version}: `models/model.pt`, {megabytes:.1f} MB in half precision, {recipe.licence}"
        f" ([models/LICENSE](../models/LICENSE)), trained on the training lists of {_and(recipe.data)} with"
        f" [configs/release.json](../configs/release.json).{time} The decoder was tuned on"
        f" {tuned['validation_images']} of their validation images. Scores of this file, as it lies there:",
        "",
        f"| list | images | {' | '.join(told)} |",
        "|---" * (len(told) + 2) + "|",
    ]
    for each in scores:
        figures = [f"{each.scores[score]:.3f}" if score in each.scores else "" for score in told]
        lines.append(f"| {each.title} | {each.images} | {' | '.join(figures)} |")
    lines += [
        "",
        "aji and dice are means over images, the others are over all nuclei of a list. To segment with the"
        f" weights, {again}:",
        "",
        f"    python -m monai.bundle run --config_file bundles/{name}/configs/inference.json"
        " --dataset_dir FOLDER --output_dir DIR",
        f"    python -m scripts.release {name} --data_root FOLDER_OF_DATA_SETS",
        "",
    ]
    if curve is not None:
        lines += [
            "Panoptic quality on the validation lists in the course of the training:",
            "",
            f"![]({curve})",
            "",
        ]
    lines += [
        "The three best and the three worst images of each list, predicted outlines orange, true ones blue:",
        "",
    ]
    for each in scores:
        lines += [f"![{each.title}]({picture_name(each.data, each.split)})", ""]
    return "\n".join(lines)


def curve_picture(points: Sequence[tuple[int, float]], file: Path) -> Path:
    """Draw a learning curve.

    Args:
        points: epochs, and the score on validation images.
        file: the picture, replaced if it is there.

    Returns:
        The file.
    """
    sheet = Sheet(figsize=(5, 2.6), dpi=120, layout="constrained")
    panel = sheet.subplots()
    panel.plot([epoch for epoch, _ in points], [value for _, value in points], color="#0b62a4", marker=".")
    panel.set_xlabel("epoch")
    panel.set_ylabel("panoptic quality, validation")
    panel.grid(alpha=0.3)
    return write_whole(file, lambda part: sheet.savefig(part, format="png"))


def _minutes(cost: Mapping[str, float]) -> str:
    own, clock = (cost[name] / 60 for name in ("processor_seconds", "seconds"))
    return f"{clock:.0f} minutes, {own:.0f} of processor time"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
