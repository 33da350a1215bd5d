"""Boards as Markdown: a table for each data set, and what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..engine.tracking import duration
from ..experiments import holm, paired_difference, paired_test
from .board import RANKED_BY, SCORES, Board, Entry

__all__ = ["EMPTY", "boards_text", "left_out_text", "table_text"]

EMPTY = "No methods have been compared yet.\n"
_COSTS = ("against the first", "parameters", "images/s", "training", "budget")
_LEGEND = (
    "Means over images, ± the standard deviation over seeds, in brackets the 95 % bootstrap interval over"
    " images. *Against the first*: difference of `pq_mean`, image by image, its interval, and the p-value of"
    " a permutation test (Holm); images alone tell nothing of other seeds. *images/s*: from the loaded image"
    " to its label map, one by one, with so many threads. *training*: by the clock, and of all processors"
    " together. The scores behind the tables: the `.json` files beside the pictures."
)


def boards_text(boards: Mapping[str, Board]) -> str:
    """Return the tables of boards, and what they mean.

    Args:
        boards: address of the picture, as the document links to it, -> board; none gives a sentence.
    """
    if not boards:
        return EMPTY
    parts = [f"{table_text(board)}\n\n![{_heading(board)}]({picture})" for picture, board in boards.items()]
    return "\n\n".join([*parts, _LEGEND]) + "\n"


def _heading(board: Board) -> str:
    tested = f"{len(board.images)} images" + ("" if board.lists == "as listed" else f", {board.lists}")
    return f"{board.data}, {board.split} list, {tested}"


def left_out_text(left_out: Mapping[str, str]) -> str:
    """Return a line for each reason for which evaluations are left out.

    Args:
        left_out: evaluation -> why.
    """
    by_reason: dict[str, list[str]] = {}
    for name, why in left_out.items():
        by_reason.setdefault(why, []).append(name)
    return "\n".join(f"left out, because {why}: {', '.join(names)}" for why, names in by_reason.items())


def table_text(board: Board) -> str:
    """Return a board's table, the best method first."""
    ranked = board.ranked
    lines = [
        f"**{_heading(board)}** (data {board.fingerprint}):",
        "",
        f"| method | seeds | {' | '.join((*SCORES, *_COSTS))} |",
        f"|{'---|' * (2 + len(SCORES) + len(_COSTS))}",
    ]
    against = _against_first(ranked)
    for entry, difference in zip(ranked, against, strict=True):
        rows = entry.rows
        figures = [str(rows.figure(score) or "-") for score in SCORES]
        cells = [_safe(entry.name), str(entry.seeds), *figures, difference, *_costs(entry)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _against_first(ranked: Sequence[Entry]) -> list[str]:
    """Return how far each is from the first, and whether that may be chance."""
    first, *others = [entry.rows for entry in ranked]
    tests = [paired_test(rows, first, RANKED_BY) for rows in others]
    adjusted = iter(holm([p for p in tests if p is not None]))
    told = [""]
    for rows, p in zip(others, tests, strict=True):
        interval = paired_difference(rows, first, RANKED_BY)
        mean, best = rows.figure(RANKED_BY), first.figure(RANKED_BY)
        if interval is None or p is None or mean is None or best is None:
            told.append("-")
            continue
        value = next(adjusted)
        shown = "p < .001" if value < 0.001 else f"p = {value:.3f}"
        told.append(f"{mean.mean - best.mean:+.3f} [{interval[0]:+.3f}, {interval[1]:+.3f}], {shown}")
    return told


def _costs(entry: Entry) -> list[str]:
    cost = entry.cost
    speed, threads = cost.get("images_per_second"), cost.get("threads")
    of = "" if threads is None else f" ({threads:.0f} thread{'s' if threads > 1 else ''})"
    seconds, processors = cost.get("training_seconds"), cost.get("training_processor_seconds")
    trained = "-" if seconds is None else duration(seconds)
    if processors is not None:
        trained += f" ({duration(processors)})"
    count = cost.get("parameters")
    return [
        "-" if count is None else _count(count),
        "-" if speed is None else f"{speed:.3g}{of}",
        trained,
        entry.budget or "-",
    ]


def _count(number: float) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e5 else f"{number:.0f}"


def _safe(text: str) -> str:
    return text.replace("|", "\\|")  # a column ends at this sign
