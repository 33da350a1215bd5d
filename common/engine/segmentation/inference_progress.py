"""Progress of a segmentation: how many nuclei each image has, and at the end where the results are."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from ...files import stem_of
from .image_evaluator import ImageEvaluator

__all__ = ["InferenceProgress"]

_log = logging.getLogger(__name__)


class InferenceProgress:
    """Tells the nuclei of every image, and at the end where the label maps lie and which images failed.

    Args:
        output_dir: folder of the label maps.
        label_key: the label map in the engine's output.
    """

    def __init__(self, output_dir: str | Path, *, label_key: str = "pred_map") -> None:
        self.output_dir, self.label_key = Path(output_dir), label_key
        self._began = time.monotonic()
        self._nuclei: list[int] = []

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator over single images.
        """
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)
        engine.add_event_handler(Events.COMPLETED, self._completed)

    def _started(self, engine: Engine) -> None:
        self._began, self._nuclei = time.monotonic(), []

    def _iteration_completed(self, engine: Engine) -> None:
        of = f"{engine.state.iteration} of {engine.state.epoch_length}"
        for item in engine.state.output:
            planes = torch.as_tensor(item[self.label_key])
            nuclei, *cells = [int((torch.unique(plane) > 0).sum()) for plane in planes]
            self._nuclei.append(nuclei)
            also = f", {cells[0]} cells" if cells else ""
            _log.info("%s: %d nuclei%s (image %s)", self._name(engine, item), nuclei, also, of)

    @staticmethod
    def _name(engine: Engine, item: dict[str, torch.Tensor]) -> str:
        named = engine.state.batch[0] if isinstance(engine.state.batch, list) else engine.state.batch
        if isinstance(named, dict) and "name" in named:
            return str(named["name"])
        return stem_of(str(getattr(item["image"], "meta", {}).get("filename_or_obj", "an image")))

    def _completed(self, engine: Engine) -> None:
        failures = engine.failures if isinstance(engine, ImageEvaluator) else {}
        _log.info(
            "%d images with %d nuclei in %.1f s: label maps are in %s",
            len(self._nuclei), sum(self._nuclei), time.monotonic() - self._began, self.output_dir,
        )  # fmt: skip
        for name, fault in failures.items():
            _log.error("not segmented: %s (%s)", name, fault)
