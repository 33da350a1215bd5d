"""Figures of the ResNet-18 U-Net paper: the loss of hard pixels, and the oracle's label propagation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import binary_cross_entropy_with_logits

from ..export import display_image, label_colours, overlay
from ..export.display import is_brightfield
from ..losses.hard_examples import FRACTION
from ..metrics import propagate_labels
from .panels_picture import Panel, write_panels
from .subject import NO_WEIGHTS, Predicted, Subject, crowded_windows, scores_of

__all__ = ["hardest_pixels", "mined_fraction", "oracle_steps", "resnet18_unet_figures"]


def resnet18_unet_figures(subject: Subject) -> list[Path]:
    """Draw the loss map with its hardest pixels (Fig. 5) and the steps of label propagation (Fig. 7)."""
    predicted = subject.prediction()
    return [_hard_pixels(subject, predicted), _label_propagation(subject, predicted)]


def hardest_pixels(loss: torch.Tensor, fraction: float) -> np.ndarray:
    """Mark the pixels that hard example mining would choose.

    Args:
        loss: loss of every pixel.
        fraction: part of the pixels that count as hard, above 0.

    Shapes:
        loss: (h, w).
        returns: (h, w), bool.

    Example:
        >>> hardest_pixels(torch.tensor([[1.0, 5.0], [3.0, 2.0]]), 0.5).tolist()
        [[False, True], [True, False]]
    """
    count = max(1, round(fraction * loss.numel()))
    marked = np.zeros(loss.numel(), dtype=bool)
    marked[loss.flatten().topk(count).indices.cpu().numpy()] = True
    return marked.reshape(loss.shape)


def oracle_steps(truth: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Return the label maps that the paper's propagation goes through.

    Args:
        truth: true label map.
        mask: predicted foreground, 0 and 1.

    Shapes:
        truth, mask: (h, w), integers.

    Example:
        >>> steps = oracle_steps(np.array([[1, 1, 0, 0, 2]]), np.array([[0, 1, 1, 0, 1]]))
        >>> [labels.tolist() for labels in steps.values()]
        [[[0, 1, 0, 0, 2]], [[1, 1, 1, 2, 2]], [[0, 1, 1, 0, 2]]]
    """
    mask1 = np.where(mask > 0, truth, 0)
    mask2 = propagate_labels(mask1, np.ones_like(mask))
    return {"mask1": mask1, "mask2": mask2, "result": np.where(mask > 0, mask2, 0)}


def _hard_pixels(subject: Subject, predicted: Predicted) -> Path:
    """Draw a crop on the network's grid, and its hardest pixels as if it were a crop of the training."""
    found = predicted.found
    nuclei = ndimage.label(found.targets[0].numpy() > 0)[0]
    window = (slice(None), *crowded_windows(nuclei, subject.crop_px, count=1)[0])
    # Map 0 is the foreground, as the decoders take it.
    logits, target = found.maps[window][0], found.targets[window][0]
    loss = binary_cross_entropy_with_logits(logits, target, reduction="none")
    fraction, words = mined_fraction(predicted.loss), predicted.words
    if fraction == 1.0:  # nothing would be left to choose
        fraction, words = mined_fraction(subject.config["loss"]), f"{words}, trained on all pixels"
    hard = hardest_pixels(loss, fraction)
    values = loss.numpy()
    share = values[hard].sum() / max(values.sum(), 1e-12)
    limits = (0.0, max(float(np.percentile(values, 99.8)), 1e-3))
    percent = f"{100 * fraction:.1f} %"
    return write_panels(
        subject.folder / "hard_pixels.png",
        [
            Panel("image", display_image(found.image.numpy()[window])),
            Panel("truth, as the loss gets it", target.numpy(), "foreground"),
            Panel("prediction", torch.sigmoid(logits).numpy(), "probability of foreground"),
            Panel("loss map", values, "cross-entropy of a pixel", limits),
            Panel(f"outlined: the hardest {percent}", values, "cross-entropy of a pixel", limits, hard),
        ],
        title=f"Hard example mining on {subject.name}:\nthe hardest {percent} of the pixels hold "
        f"{100 * share:.0f} % of the cross-entropy\n({words})",
        columns=5,
    )


def mined_fraction(loss: Mapping[str, Any]) -> float:
    """Return the fraction of pixels that a loss takes for hard, 1 where it averages all.

    Args:
        loss: its settings, as a `train.json` has them.

    Example:
        >>> mined_fraction({"channels": {"foreground": 0}, "hard_fraction": 0.2})
        0.2
        >>> mined_fraction({"channels": {"foreground": 0}})
        1.0
    """
    default = 1.0 if "channels" in loss else FRACTION  # of a loss of several maps, and of one
    return float(loss.get("hard_fraction", loss.get("fraction", default)))


def _label_propagation(subject: Subject, predicted: Predicted) -> Path:
    """Draw the oracle's steps and what the decoder finds without it, in a crop; the scores are the crop's."""
    window = crowded_windows(subject.labels, subject.crop_px, count=1)[0]
    truth, ours = subject.labels[window], predicted.found.label_map[window]
    mask = (predicted.found.foreground[window] > 0.5).astype(np.int32)
    image = subject.image[(slice(None), *window)]
    steps = oracle_steps(truth, mask)
    palette = _palette(truth)
    who = "components of the mask" if predicted.words == NO_WEIGHTS else "our decoder"
    agreed = "black" if is_brightfield(image) else "white"
    upper, score = (scores_of(truth, labels, ("f1_50",)) for labels in (steps["result"], ours))
    return write_panels(
        subject.folder / "label_propagation.png",
        [
            Panel("image", display_image(image)),
            Panel("truth", palette[truth]),
            Panel("predicted mask (probability above 0.5)", _black_and_white(mask)),
            Panel("mask1 = predicted mask x truth", palette[steps["mask1"]]),
            Panel("mask2 = nearest label of mask1", palette[steps["mask2"]]),
            Panel(f"oracle: knows the truth\nmask2 x predicted mask, {upper}", palette[steps["result"]]),
            Panel(f"{who}: knows the image alone\n{score}", label_colours(ours)),
            Panel(f"{who} (orange), truth (blue),\nboth: {agreed}", overlay(image, ours, truth)),
        ],
        title=f"Label propagation on {subject.name}\nOracle: knows the truth, an upper bound and no score\n"
        f"({predicted.words})",
    )


def _black_and_white(mask: np.ndarray) -> np.ndarray:
    return np.stack([np.where(mask > 0, 255, 0)] * 3, axis=-1).astype(np.uint8)


def _palette(truth: np.ndarray) -> np.ndarray:
    """Return a colour for each label of the truth, black for 0: a nucleus keeps its own through all steps."""
    # Neighbours once labels have spread as far as they can have different colours before, too.
    spread = propagate_labels(truth, np.ones_like(truth))
    palette = np.zeros((int(truth.max(initial=0)) + 1, 3), dtype=np.uint8)
    palette[spread] = label_colours(spread)
    palette[0] = 0
    return palette
