"""All scores of one image, and their mean and pooled values over a set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .aji import aji_counts, aji_scores
from .boundary import boundary_counts, boundary_scores
from .contingency import contingency_table
from .error_kinds import ERROR_KINDS
from .matching import matching_counts, matching_scores
from .pixel import pixel_counts, pixel_scores, probability_counts
from .ratio import Counts

HEADLINE = (
    "ap_50_pooled",
    "f1_50_pooled",
    "f1_mu_pooled",
    "sq_pooled",
    "pq_pooled",
    "aji_mean",
    "dice_mean",
)
"""The figures that our tables show."""


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image, and the counts they come from.

    `values` maps each id (`pq`, `f1_50` ...) to its value, NaN where it is not defined; `counts` can be
    summed over images.
    """

    values: dict[str, float]
    counts: Counts
    iou_rule: str = "ge"

    @property
    def is_empty(self) -> bool:
        """Whether neither label map holds a nucleus: such an image has no score."""
        return not (self.counts["n_true"] or self.counts["n_predicted"])

    @property
    def errors(self) -> dict[str, int]:
        """How many nuclei without a match there are of each of `ERROR_KINDS`."""
        return {kind: int(self.counts[kind]) for kind in ERROR_KINDS}


def score_image(
    truth: np.ndarray, prediction: np.ndarray, *, probability: np.ndarray | None = None, iou_rule: str = "ge"
) -> ImageScores:
    """Compute every score of one image.

    Args:
        truth: true label map; labels need not be contiguous.
        prediction: predicted label map.
        probability: predicted probability of foreground, for `pixel_ap`, which is NaN without it.
        iou_rule: "ge" (a match has at least that IoU) or "gt" (more than it).

    Shapes:
        truth, prediction: (H, W), integers >= 0.
        probability: (H, W), in [0, 1].

    Raises:
        ValueError: if the label maps are none, differ in shape, or the probability is none.

    Example:
        >>> truth = np.array([[1, 1, 0, 2, 2]])
        >>> score_image(truth, 5 * truth).values["pq"], score_image(truth, 0 * truth).values["pq"]
        (1.0, 0.0)
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    table = contingency_table(truth, prediction)
    counts: Counts = {
        **matching_counts(table, iou_rule=iou_rule),
        **aji_counts(table),
        **pixel_counts(table),
        **probability_counts(truth > 0, None if probability is None else np.asarray(probability)),
        **boundary_counts(truth, prediction),
    }
    return ImageScores(values=scores_of_counts(counts), counts=counts, iou_rule=iou_rule)


def scores_of_counts(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute every score from the counts of one image, or from counts summed over images.

    Args:
        counts: as in `ImageScores.counts`.
    """
    return {
        **matching_scores(counts),
        **aji_scores(counts),
        **pixel_scores(counts),
        **boundary_scores(counts),
    }


def pool(images: Sequence[Mapping[str, np.ndarray]]) -> Counts:
    """Sum the counts of several images.

    Args:
        images: the counts of each.
    """
    return {name: np.asarray(np.sum([counts[name] for counts in images], axis=0)) for name in images[0]}


def summarize(images: Sequence[ImageScores]) -> dict[str, float]:
    """Give every score of a set twice: `<id>_mean` over its images, `<id>_pooled` from summed counts.

    Images without a nucleus in either label map have no score: means leave them out, `n_empty` counts
    them. An image in which only one label map has nuclei scores 0.

    Args:
        images: the scores of each image.

    Returns:
        Besides the scores: `n_images`, `n_empty`, `n_true` and `n_predicted` (nuclei), and `ERROR_KINDS`.
        NaN where no image has a score.

    Raises:
        ValueError: if there is no image, or the images were scored by different IoU rules.
    """
    if not images:
        raise ValueError("No image was scored: give at least one.")
    if len({image.iou_rule for image in images}) > 1:
        raise ValueError("Some images were scored with iou_rule 'ge', others with 'gt': score all by one.")
    counts = pool([image.counts for image in images])
    summary = {}
    for name, pooled in scores_of_counts(counts).items():
        defined = [value for image in images if not math.isnan(value := image.values[name])]
        summary[f"{name}_mean"] = float(np.mean(defined)) if defined else math.nan
        summary[f"{name}_pooled"] = pooled
    summary["n_images"] = len(images)
    summary["n_empty"] = sum(image.is_empty for image in images)
    summary |= {name: int(counts[name]) for name in ("n_true", "n_predicted", *ERROR_KINDS)}
    return summary


def json_safe(value: Any) -> Any:
    """Turn scores into what JSON can hold: NaN and infinity become null, NumPy's numbers plain ones.

    Args:
        value: a number, or dictionaries, lists and tuples of such.

    Example:
        >>> json_safe({"pq": np.float64("nan"), "f1": [np.float32(0.5), 1]})
        {'pq': None, 'f1': [0.5, 1]}
    """
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return json_safe(value.tolist())
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
