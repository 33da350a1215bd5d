"""Progress of a segmentation run: which image of how many, and where the results are."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from ignite.engine import Engine, Events

__all__ = ["InferenceProgress"]

_log = logging.getLogger(__name__)


class InferenceProgress:
    """Tells every few seconds how many images are done, and at the end where the label maps lie.

    Args:
        output_dir: folder of the label maps.
        every_seconds: least time between two lines.
    """

    def __init__(self, output_dir: str | Path, *, every_seconds: float = 10) -> None:
        self.output_dir = Path(output_dir)
        self.every_seconds = every_seconds
        self._began = self._last = 0.0

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator over single images.
        """
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)
        engine.add_event_handler(Events.COMPLETED, self._completed)

    def _started(self, engine: Engine) -> None:
        self._began = self._last = time.monotonic()

    def _iteration_completed(self, engine: Engine) -> None:
        now = time.monotonic()
        if now - self._last >= self.every_seconds:
            self._last = now
            _log.info("%d of %s images", engine.state.iteration, engine.state.epoch_length)

    def _completed(self, engine: Engine) -> None:
        seconds = time.monotonic() - self._began
        _log.info(
            "%d images in %.1f s: label maps are in %s", engine.state.iteration, seconds, self.output_dir
        )
