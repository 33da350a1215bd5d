"""Warns of images that are unlike those of the training, where a network may find anything."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from ...likeness import Ranges, departures, describe_image, in_words
from ..trained import trained_settings

__all__ = ["UnlikeTraining"]

_log = logging.getLogger(__name__)
_MENDS = {
    "stain": "train on images of this stain",
    "texture": "see whether they are sharp and of the training's pixel size",
    "nucleus size": "bring them to the training's size with --diameter_px auto, or by a number",
    "intensity": "see whether --channels chooses the right one, and nuclei are bright or dark as they were",
    "foreground": "look at the outlines in the overlays",
}


class UnlikeTraining:
    """Compares each image and what was found in it with the training's images, and warns where it is unlike.

    The training's ranges are those in the ``train.json`` beside the weights; where it has none, nothing is
    compared. What is compared does not depend on the unit and the offset of a channel's intensities, so that
    the image may be as its file has it or as the network got it.

    Args:
        ranges: the training's, see `training_ranges`; by default those beside ``state.weights_file``.

    Shapes:
        "image": (c, h, w). "pred_map": (1, h, w), on the image's grid.
    """

    def __init__(self, ranges: Ranges | None = None) -> None:
        self.ranges = ranges
        self._known: Ranges = {}
        self._images = 0
        self._unlike: Counter[str] = Counter()

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator that decollates, with `LoadWeights` among its handlers.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)
        engine.add_event_handler(Events.COMPLETED, self._completed)

    def _epoch_started(self, engine: Engine) -> None:
        weights = getattr(engine.state, "weights_file", None)
        saved = trained_settings(weights).get("training_images") if weights else None
        # Weights of an older training have none.
        self._known = (saved or {}) if self.ranges is None else self.ranges
        self._images, self._unlike = 0, Counter()

    def _iteration_completed(self, engine: Engine) -> None:
        if not self._known:
            return
        batch, output = engine.state.batch, engine.state.output
        for number, result in enumerate(output):
            source = batch[number] if isinstance(batch, Sequence) and len(batch) == len(output) else {}
            item = {**source, **result}
            if "image" in item and "pred_map" in item:
                self._compare(item)

    def _compare(self, item: Mapping[str, Any]) -> None:
        image, label_map = _array(item["image"]), _array(item["pred_map"])[0]
        self._images += 1
        # A bundle of one's own may leave the two on different grids.
        found_in_it = label_map if label_map.shape == image.shape[1:] else None
        numbers = describe_image(image, found_in_it, scale=float(item.get("scale", 1.0)))
        if found := departures(numbers, self._known):
            self._unlike[found[0].about] += 1
            name = getattr(item["image"], "meta", {}).get("filename_or_obj", "an image")
            _log.warning("%s is unlike the training's images: %s", name, in_words(found, channels=len(image)))

    def _completed(self, engine: Engine) -> None:
        unlike = sum(self._unlike.values())
        if self._images < 2 or 2 * unlike <= self._images:
            return
        about, most = self._unlike.most_common(1)[0]
        _log.warning(
            "%d of %d images are unlike the training's, %d of them most of all in %s: do not trust what was"
            " found in them; %s, or train on images like these",
            *(unlike, self._images, most, about, _MENDS[about]),
        )


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
