"""What all released weights reach, list by list, for the document that a visitor reads first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..bundle_config import read_json
from ..files import MarkedPart
from .check import CHECKSUM_FILE
from .peer_scores import SCORES_FILE
from .recipe import read_recipe

__all__ = ["OVERVIEW", "overview_text", "write_overview"]

OVERVIEW = MarkedPart(
    "<!-- all released weights: written by python -m scripts.release -->",
    "<!-- end of all released weights -->",
    "the scores of all released weights",
)

_TOLD = ("ap_50", "f1_50", "f1_mu", "pq", "aji", "dice")
_Row = tuple[str, str, Mapping[str, float], str]  # list, weights, scores, licence


def overview_text(root: Path) -> str:
    """Return what stands between the markers, as Markdown: for each list of images the best weights first.

    Args:
        root: the folder of bundles and peers; bundles with weights tell their scores in their metadata, peers
            that were trained on the same lists in their scores.json.
    """
    rows = [*_bundles(root / "bundles"), *_peers(root / "peers")]
    rows.sort(key=lambda row: (row[0], -row[2]["pq"], row[1]))
    return "\n".join(
        [
            f"| list | weights | {' | '.join(_TOLD)} | licence |",
            "|---" * (len(_TOLD) + 3) + "|",
            *(
                f"| {title} | {name} | {' | '.join(f'{scores[score]:.3f}' for score in _TOLD)} | {licence} |"
                for title, name, scores, licence in rows
            ),
            "",
        ]
    )


def write_overview(root: Path) -> None:
    """Write the table into the README, where that has a place for it.

    Args:
        root: the folder of README.md, bundles and peers.
    """
    readme = root / "README.md"
    if readme.is_file() and OVERVIEW.read(readme) is not None:
        OVERVIEW.write(readme, overview_text(root))


def _bundles(folder: Path) -> Iterator[_Row]:
    for released in folder.glob(f"*/models/{CHECKSUM_FILE}"):
        bundle = released.parents[1]
        metadata = read_json(bundle / "configs" / "metadata.json")
        name = f"[{bundle.name}](bundles/{bundle.name}/docs/README.md#released-weights) {metadata['version']}"
        licence = read_recipe(bundle).licence
        for title, scores in metadata["eval_metrics"].items():
            yield title, name, scores, licence


def _peers(folder: Path) -> Iterator[_Row]:
    for file in folder.glob(f"*/{SCORES_FILE}"):
        for title, told in read_json(file).items():
            name = f"{told['says'].split(',')[0]}, {told['budget']}"
            yield title, name, told["scores"], "-"
