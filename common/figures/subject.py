"""What a figure is drawn of: an image, its truth, and a prediction or what stands for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.bundle import ConfigParser
from scipy import ndimage

from ..engine.trained import Prediction, trained_bundle, training_config
from ..files import stem_of
from ..metrics import score_image
from ..readers import ChannelChoice, read_image, read_labels
from ..transforms import border_weights

__all__ = [
    "NO_WEIGHTS",
    "Predicted",
    "Subject",
    "Window",
    "crowded_windows",
    "middle",
    "scores_of",
    "spoilt_truth",
]

NO_WEIGHTS = (
    "no weights found, so instead of a prediction:\na spoilt truth, blurred and with touching nuclei merged"
)

_BLUR_PX = 1.5
_SCORES = {"f1_50": "F1@0.5", "aji": "AJI"}

_log = logging.getLogger(__name__)

Window = tuple[slice, slice]


class Predicted(NamedTuple):
    """A prediction, what it is in words, and the settings of the loss that it was trained with."""

    found: Prediction
    words: str
    loss: Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """An image of a data set, and who predicts.

    Attributes:
        bundle: whose figures.
        item: the image and its label, as a data list has them.
        channels: which channels are drawn.
        folder: where the pictures go.
        crop_px: edge of a close-up.
        weights: a file of weights, named by the user.
        ckpt_dir: folder of a training; None: the bundle's own.
        compare: folders of trainings, of any bundle, side by side instead of one.
        chosen: which channels predict; None: those that each training had.
    """

    bundle: str
    item: Mapping[str, Any]
    channels: ChannelChoice
    folder: Path
    crop_px: int
    weights: str | None = None
    ckpt_dir: str | None = None
    compare: Sequence[str] = ()
    chosen: ChannelChoice = None

    @property
    def name(self) -> str:
        """The image's file name without its suffix."""
        return stem_of(self.item["image"])

    @cached_property
    def image(self) -> np.ndarray:
        """The image, (c, h, w) float32, as its file has it."""
        names = self.item.get("channels")
        file = read_image(self.item["image"], channels=self.channels, channel_names=names)
        return file.pixels.astype(np.float32)

    @cached_property
    def labels(self) -> np.ndarray:
        """The true label map (h, w)."""
        return read_labels(self.item["label"])

    @cached_property
    def config(self) -> ConfigParser:
        """The bundle's own configuration of a training."""
        return training_config(Path("bundles") / self.bundle)

    def prediction(self) -> Predicted:
        """Return what the weights find; where there are none, and none were named, a spoilt truth.

        Raises:
            FileNotFoundError: if named weights are not there.
        """
        try:
            trained = trained_bundle(
                self.bundle, weights=self.weights, ckpt_dir=self.ckpt_dir, channels=self.chosen
            )
        except FileNotFoundError as error:
            if self.weights:
                raise
            _log.info("%s; the figures show a spoilt truth", error)
            return Predicted(spoilt_truth(self.image, self.labels), NO_WEIGHTS, self.config["loss"])
        found = trained.predict(self.item)
        # The name alone: a path is longer than the picture is wide; the log tells it.
        return Predicted(found, f"prediction of {Path(trained.weights).name}", trained.parser["loss"])

    def label_maps(self) -> dict[str, np.ndarray]:
        """Return the label map of every training by the name of its folder; one where none are compared.

        Raises:
            FileNotFoundError: if a training that is compared has no weights.
        """
        if not self.compare:
            predicted = self.prediction()
            return {predicted.words: predicted.found.label_map}
        names = [Path(folder).name for folder in self.compare]
        label_maps = {}
        for name, folder in zip(names, self.compare, strict=True):
            trained = trained_bundle(ckpt_dir=folder, channels=self.chosen)
            label_maps[name if names.count(name) == 1 else folder] = trained.predict(self.item).label_map
        return label_maps


def spoilt_truth(image: np.ndarray, labels: np.ndarray) -> Prediction:
    """Return the truth as a poor network would see it: blurred, and nuclei that touch become one.

    Args:
        image: the image.
        labels: the true label map.

    Shapes:
        image: (c, h, w) float32.
        labels: (h, w), integers.

    Example:
        >>> labels = np.repeat([[0, 1, 2, 0]], 8, axis=0).repeat(8, axis=1)
        >>> int(spoilt_truth(np.zeros((1, 8, 32), np.float32), labels).label_map.max())
        1
    """
    mask = (labels > 0).astype(np.float32)
    foreground = ndimage.gaussian_filter(mask, _BLUR_PX).clip(0, 1)
    label_map = ndimage.label(foreground > 0.5)[0].astype(np.int32)
    maps = torch.logit(torch.from_numpy(foreground), eps=1e-3)[None]
    return Prediction(label_map, foreground, torch.from_numpy(image), maps, torch.from_numpy(mask)[None])


def middle(shape: tuple[int, ...], side: int) -> Window:
    """Return the square of an edge in pixels from the middle of an image, smaller where the image is.

    Example:
        >>> middle((10, 4), 6)
        (slice(2, 8, None), slice(0, 4, None))
    """
    top, left = (max(0, (size - side) // 2) for size in shape)
    return slice(top, min(shape[0], top + side)), slice(left, min(shape[1], left + side))


def crowded_windows(labels: np.ndarray, size_px: int | tuple[int, int], *, count: int) -> list[Window]:
    """Return rectangles that do not overlap, those with the most gaps between close nuclei first.

    Args:
        labels: label map.
        size_px: the edge of a square, or height and width; smaller where the image is.
        count: how many at most: there may be room for fewer.

    Shapes:
        labels: (h, w), integers.

    Example:
        >>> labels = np.zeros((8, 24), int)
        >>> labels[2:6, 17:19], labels[2:6, 20:22] = 1, 2
        >>> [window] = crowded_windows(labels, (8, 6), count=1)
        >>> np.unique(labels[window]).tolist()
        [0, 1, 2]
    """
    closeness = border_weights(labels, classes="mask", sigma_px=3.0) - (labels > 0)
    wanted = (size_px, size_px) if isinstance(size_px, int) else size_px
    height, width = (min(one, size) for one, size in zip(wanted, labels.shape, strict=True))
    sums = np.pad(closeness.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    chosen: list[Window] = []
    while len(chosen) < count and np.isfinite(inside).any():
        top, left = (int(n) for n in np.unravel_index(np.argmax(inside), inside.shape))
        chosen.append((slice(top, top + height), slice(left, left + width)))
        inside[max(0, top - height + 1) : top + height, max(0, left - width + 1) : left + width] = -np.inf
    return chosen


def scores_of(truth: np.ndarray, label_map: np.ndarray, names: Sequence[str] = ("f1_50", "aji")) -> str:
    """Return scores in words, F1 at IoU .5 and AJI.

    Args:
        truth: true label map.
        label_map: predicted label map.
        names: which of the two.

    Shapes:
        truth, label_map: (h, w), integers.

    Example:
        >>> scores_of(np.array([[1, 1, 0, 2]]), np.array([[3, 3, 0, 0]]))
        'F1@0.5 .667, AJI .667'
    """
    values = score_image(truth, label_map).values
    return ", ".join(f"{_SCORES[name]} {values[name]:.3f}".replace(" 0.", " .") for name in names)
