"""The images of an evaluation that went best and worst, drawn on one sheet: what a mean score hides."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from ...export import contact_sheet, overlay, write_picture
from .instance_scores import image_name, items_of

__all__ = ["BestAndWorst"]

_log = logging.getLogger(__name__)
_CELL_PX = 512  # larger images are shown by a piece from their middle, small ones up to 3 times enlarged


class BestAndWorst:
    """Draws the best and the worst images of an evaluator with `InstanceMetrics`.

    ``<output_dir>/best_and_worst.png`` has the best in its first row, the worst in its second; predicted
    outlines are orange, true ones blue, agreement white (black on stained sections). Only the images that are
    drawn are held in memory.

    Args:
        output_dir: folder of the picture.
        count: images in each row.
        score: what orders the images, an id without `_mean` or `_pooled`; images without it are left out.
    """

    def __init__(self, output_dir: str | Path, *, count: int = 3, score: str = "pq") -> None:
        self.output_dir = Path(output_dir)
        self.count = count
        self.score = score
        self._kept: list[tuple[float, str, np.ndarray]] = []

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
        """
        engine.add_event_handler(Events.STARTED, self.started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.iteration_completed)
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def started(self, engine: Engine) -> None:
        """Forget an earlier run."""
        self._kept = []

    def iteration_completed(self, engine: Engine) -> None:
        """Draw the images of this iteration that are among the best or the worst so far."""
        for item, row in zip(items_of(engine), engine.state.latest_rows, strict=True):
            value = row[self.score]
            if math.isnan(value) or not self._belongs(value):
                continue
            caption = f"{self.score} {value:.2f}  {Path(image_name(item)).stem:.24}"
            self._keep(value, caption, _drawn(item))

    def completed(self, engine: Engine) -> None:
        """Write the sheet, if there is an image on it."""
        if not self._kept:
            return
        pictures, captions = [kept[2] for kept in self._kept], [kept[1] for kept in self._kept]
        sheet = contact_sheet(pictures, columns=self.count, captions=captions)
        _log.info("best and worst images: %s", write_picture(self.output_dir / "best_and_worst.png", sheet))

    def _keep(self, value: float, caption: str, picture: np.ndarray) -> None:
        self._kept.append((value, caption, picture))
        self._kept.sort(key=lambda kept: -kept[0])
        if len(self._kept) > 2 * self.count:
            del self._kept[self.count]

    def _belongs(self, value: float) -> bool:
        if len(self._kept) < 2 * self.count:
            return True
        return value > self._kept[self.count - 1][0] or value < self._kept[self.count][0]


def _drawn(item: dict[str, Any]) -> np.ndarray:
    image, prediction, truth = (np.asarray(item[key]) for key in ("image", "pred_map", "label_map"))
    top, left = (max(0, (size - _CELL_PX) // 2) for size in prediction.shape[-2:])
    window = np.s_[..., top : top + _CELL_PX, left : left + _CELL_PX]
    labels = [np.rint(each[window][0]).astype(np.int32) for each in (prediction, truth)]
    shown = image[window].astype(np.float32)
    return overlay(shown, *labels, zoom=min(3, max(1, _CELL_PX // max(shown.shape[1:]))))
