"""What all released weights reach, list by list, for the document that a visitor reads first."""

from __future__ import annotations

from pathlib import Path

from ..bundle_config import read_json
from ..files import MarkedPart
from .check import CHECKSUM_FILE
from .recipe import read_recipe

__all__ = ["OVERVIEW", "overview_text"]

OVERVIEW = MarkedPart(
    "<!-- all released weights: written by python -m scripts.release -->",
    "<!-- end of all released weights -->",
    "the scores of all released weights",
)

_TOLD = ("ap_50", "f1_50", "f1_mu", "pq", "aji", "dice")


def overview_text(bundles: Path) -> str:
    """Return what stands between the markers, as Markdown: for each list of images the best weights first.

    Args:
        bundles: the folder of bundles; those with weights tell their scores in their metadata.
    """
    rows = []
    for released in sorted(bundles.glob(f"*/models/{CHECKSUM_FILE}")):
        bundle = released.parents[1]
        metadata = read_json(bundle / "configs" / "metadata.json")
        name = f"[{bundle.name}](bundles/{bundle.name}/docs/README.md#released-weights) {metadata['version']}"
        licence = read_recipe(bundle).licence
        for title, scores in metadata["eval_metrics"].items():
            figures = [f"{scores[score]:.3f}" for score in _TOLD]
            row = f"| {title} | {name} | {' | '.join(figures)} | {licence} |"
            rows.append((title, -scores["pq"], row))
    return "\n".join(
        [
            f"| list | weights | {' | '.join(_TOLD)} | licence |",
            "|---" * (len(_TOLD) + 3) + "|",
            *(row for *_, row in sorted(rows)),
            "",
        ]
    )
