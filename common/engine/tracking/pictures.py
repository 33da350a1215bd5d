"""Overlays of a few validation images, the quickest way to see what a network does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ignite.engine import Engine, Events

from ...export import overlay, write_picture
from ..evaluation.instance_scores import image_name, items_of

__all__ = ["Pictures"]

Draw = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]


class Pictures:
    """Keeps the first images of an evaluator's last epoch with their label maps, and draws them when asked.

    Args:
        count: number of images.
        draw: image (C, H, W), predicted and true label map (H, W) to a picture (H, W, 3) of bytes.
        max_side_px: larger images are shown by a piece of this size from their middle, in pixels.
    """

    def __init__(self, count: int = 4, *, draw: Draw = overlay, max_side_px: int = 1024) -> None:
        self.count = count
        self.draw = draw
        self.max_side_px = max_side_px
        self._kept: list[tuple[str, np.ndarray, np.ndarray, np.ndarray | None]] = []

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)

    def _epoch_started(self, engine: Engine) -> None:
        self._kept = []

    def _iteration_completed(self, engine: Engine) -> None:
        if len(self._kept) >= self.count:
            return
        for item in items_of(engine)[: self.count - len(self._kept)]:
            if "image" not in item or "pred_map" not in item:
                continue
            truth = self._array(item["label_map"])[0] if "label_map" in item else None
            prediction = self._array(item["pred_map"])[0]
            stem = Path(image_name(item)).stem or "image"
            self._kept.append((stem, self._array(item["image"]), prediction, truth))

    def _array(self, value: torch.Tensor | np.ndarray) -> np.ndarray:
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        side = self.max_side_px
        top, left = (max(0, (size - side) // 2) for size in array.shape[-2:])
        array = array[..., top : top + side, left : left + side].copy()
        return array.astype(np.float32) if array.dtype == np.float16 else array

    def save(self, folder: str | Path) -> list[Path]:
        """Draw the images.

        Args:
            folder: where to write the pictures; made if needed.

        Returns:
            The files.
        """
        files = []
        for number, (stem, image, prediction, truth) in enumerate(self._kept, start=1):
            true_labels = None if truth is None else np.rint(truth).astype(np.int32)
            picture = self.draw(image, np.rint(prediction).astype(np.int32), true_labels)
            files.append(write_picture(Path(folder) / f"{number}_{stem}.png", picture))
        return files
