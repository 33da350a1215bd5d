"""Scores of whole cells beside those of nuclei: the same ones, under names that begin with `cell_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...metrics import ImageScores, score_image, summarize

__all__ = ["CELL_PREFIX", "CellScores", "nuclei_and_cells"]

CELL_PREFIX = "cell_"


def nuclei_and_cells(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Part the label map of nuclei from that of whole cells, which may lie behind it.

    Shapes:
        planes: (1, h, w), (2, h, w) or (h, w).
        returns: (h, w), and (h, w) or None.

    Example:
        >>> nuclei_and_cells(np.zeros((1, 4, 6)))[1] is None
        True
    """
    if planes.ndim == 3 and len(planes) == 2:
        return planes[0], planes[1]
    return (planes[0] if planes.ndim == 3 and len(planes) == 1 else planes), None


class CellScores:
    """Scores of the cells of a set of images, where both truth and prediction have cells.

    Args:
        iou_rule: "ge" or "gt", see ``common.metrics``.
    """

    def __init__(self, iou_rule: str) -> None:
        self.iou_rule = iou_rule
        self._scored: list[ImageScores] = []

    def update(self, truth: np.ndarray | None, prediction: np.ndarray | None, name: str) -> dict[str, float]:
        """Score the cells of an image, and return the scores; none where the truth has no cells.

        Raises:
            ValueError: if the truth has cells and the prediction has none.
        """
        if truth is None:
            return {}
        if prediction is None:
            raise ValueError(
                f"{name or 'an image'} has whole cells to be scored, but these weights find nuclei alone: "
                "evaluate with --label_keys label, or name weights that were trained with whole_cells.json"
            )
        scores = score_image(truth, prediction, iou_rule=self.iou_rule)
        self._scored.append(scores)
        return with_prefix({**scores.values, **scores.errors})

    def summary(self) -> dict[str, float]:
        """Return the scores of the set; empty where no image had cells."""
        if not self._scored:
            return {}
        found = summarize(self._scored)
        del found["n_images"]  # the nuclei's
        return with_prefix(found)


def with_prefix(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Name scores as those of cells.

    Example:
        >>> with_prefix({"pq": 0.5})
        {'cell_pq': 0.5}
    """
    return {f"{CELL_PREFIX}{name}": value for name, value in scores.items()}


def cell_names(names: Sequence[str], among: Mapping[str, Any]) -> list[str]:
    """Return the cells' names of scores, as far as there are such.

    Example:
        >>> cell_names(["pq_mean", "sq_mean"], {"pq_mean": 1, "cell_pq_mean": 1})
        ['cell_pq_mean']
    """
    return [name for each in names if (name := f"{CELL_PREFIX}{each}") in among]
