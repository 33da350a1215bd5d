"""A MONAI evaluator over single images that goes on after one that fails."""

from __future__ import annotations

import logging
from typing import Any

from ignite.engine import Engine
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator

from ...messages import sentence
from .image_dataset import FAULT

__all__ = ["FailedImagesError", "ImageEvaluator"]

_log = logging.getLogger(__name__)


class FailedImagesError(RuntimeError):
    """Some images could not be segmented; all others are done."""


class ImageEvaluator(SupervisedEvaluator):
    """A `SupervisedEvaluator` over batches of one image, from an `ImageDataset`.

    What fails for one image, in loading, in the network, in decoding or in saving, is told, noted in
    `failures`, and leaves `state.output` empty. What would fail for every other image as well ends the run: a
    disk that is full, a folder that is not ours.

    Attributes:
        failures: a sentence by the name of each image that failed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.failures: dict[str, str] = {}

    def run(self, *args: Any) -> Any:
        """Segment the images; the failures are those of this run."""
        self.failures = {}
        return super().run(*args)

    def _iteration(self, engine: Engine, batchdata: dict[str, Any]) -> Any:
        name = _name_of(batchdata)
        if FAULT in batchdata:
            return self._failed(name, str(batchdata[FAULT][0]))
        try:
            return super()._iteration(engine, batchdata)
        except Exception as error:
            # Images were read before: what the system refuses now is writing.
            if _is_from_the_system(error):
                raise
            return self._failed(name, sentence(error))

    def _failed(self, name: str, fault: str) -> list[Any]:
        self.failures[name] = fault
        _log.error("%s could not be segmented: %s", name, fault)
        self.state.output = []
        return []


def _name_of(batch: dict[str, Any]) -> str:
    if "name" in batch:
        return str(batch["name"][0])
    image = batch["image"]
    return str(image.meta["filename_or_obj"][0] if isinstance(image, MetaTensor) else image[0])


def _is_from_the_system(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError):
            return True
        error = error.__cause__
    return False
