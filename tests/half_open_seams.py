"""Predictions in which touching nuclei are neither parted nor one: the seams between them stand half open."""

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from common.transforms import instance_targets

LOW, HIGH, BLUR_PX, NOISE = 0.03, 0.95, 0.7, 0.5  # of the prediction: background, nuclei, and its flaws
FRAME_PX, MIN_SEAM_PX = 8, 4  # what the image's end cuts, and what is too short to be called a seam


class Scene(NamedTuple):
    """A prediction, its truth and the seams.

    Shapes:
        prediction, truth: (b, 1, h, w), float32.
        seams: (b, h, w), 0 or number of the seam, from 1 in each image.
    """

    prediction: Tensor
    truth: Tensor
    seams: np.ndarray


def _seam(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return where the target parts touching nuclei: pixels outside it that have two nuclei next to them."""
    highest = ndimage.maximum_filter(labels, 3)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max() + 1), 3)
    return (labels > 0) & ~truth & (highest != lowest)


def half_open(label_maps: np.ndarray, value: float, *, valley: bool) -> Scene:
    """Make the prediction of label maps, (b, h, w), whose seams have about this value.

    Args:
        label_maps: integer labels, 0 = background.
        value: probability in the seams, 0.2 to 0.8.
        valley: the seams are as rounded as a smooth network's, deepest in their middle, and the value is
            their median; else flat, all at the value.
    """
    random = np.random.default_rng(0)
    rows = []
    for labels in label_maps:
        truth = instance_targets(labels, ["foreground"])[0] > 0
        seam = _seam(labels, truth)
        joined, parted = (
            LOW + (HIGH - LOW) * ndimage.gaussian_filter(mask.astype(float), BLUR_PX)
            for mask in (truth | seam, truth)
        )
        if valley:
            top, bottom = np.median(joined[seam]), np.median(parted[seam])
            # More than 1 of the way is deeper than the blurred truth.
            field = joined + np.clip((top - value) / (top - bottom), 0, 1.3) * (parted - joined)
        else:
            field = np.where(seam, np.minimum(joined, value), joined)
        logit = np.log(field.clip(LOW, HIGH) / (1 - field.clip(LOW, HIGH)))
        logit += NOISE * ndimage.gaussian_filter(random.standard_normal(field.shape), 1.0)
        seam[:FRAME_PX], seam[-FRAME_PX:], seam[:, :FRAME_PX], seam[:, -FRAME_PX:] = 0, 0, 0, 0
        numbers, _ = ndimage.label(seam, np.ones((3, 3)))
        numbers[np.bincount(numbers.ravel())[numbers] < MIN_SEAM_PX] = 0
        rows.append((1 / (1 + np.exp(-logit)), truth, numbers))
    predictions, truths, seams = (np.stack(part) for part in zip(*rows, strict=True))
    return Scene(*(torch.from_numpy(a).float()[:, None] for a in (predictions, truths)), seams)


def share_opened(scene: Scene, gradient: Tensor) -> float:
    """Return the share of seams that a small step against the gradient lowers, summed over each seam."""
    opened = np.concatenate(
        [
            ndimage.sum_labels(each, numbers, np.unique(numbers[numbers > 0])) > 0
            for each, numbers in zip(gradient[:, 0].numpy(), scene.seams, strict=True)
        ]
    )
    return float(opened.mean())
