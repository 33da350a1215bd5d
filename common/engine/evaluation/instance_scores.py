"""Instance scores of an evaluator's images, as an ignite metric that MONAI can select checkpoints by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from ignite.metrics import Metric
from ignite.metrics.metric import EpochWise, MetricUsage

from ...messages import nearest
from ...metrics import (
    HEADLINE,
    binary_pq,
    contingency_table,
    matching_counts,
    matching_scores,
    pool,
    propagate_labels,
    score_image,
    summarize,
    summarize_tissues,
)
from .cell_scores import CELL_PREFIX, CellScores, cell_names, nuclei_and_cells

__all__ = ["InstanceMetrics", "image_name", "instance_metrics", "items_of", "known_scores"]

TISSUE_KEY = "tissue"
NEGATIVE_LOSS = "negative_val_loss"  # MONAI takes the higher key metric for the better one


def known_scores() -> list[str]:
    """Return the names of all scores of a set of images, for example "pq_pooled"; numbers are no scores.

    Example:
        >>> "pq_pooled" in known_scores(), "n_missed" in known_scores()
        (True, False)
    """
    tiny = np.ones((4, 4), np.int32)
    return [name for name in summarize([score_image(tiny, tiny)]) if not name.startswith("n_")]


def items_of(engine: Engine) -> list[dict[str, Any]]:
    """Return the images of the current iteration with everything known about each.

    MONAI leaves what the loader brought in ``state.batch`` and what was computed in ``state.output``, both
    one dictionary per image after decollation.

    Args:
        engine: a MONAI evaluator that decollates.

    Returns:
        One dictionary per image; what was computed takes precedence.

    Raises:
        TypeError: if the evaluator does not decollate.
    """
    batch, output = engine.state.batch, engine.state.output
    if isinstance(output, Mapping) or not isinstance(output, Sequence):
        raise TypeError(
            "the evaluator gives whole batches: set its decollate to true, so that each image is scored"
        )
    paired = isinstance(batch, Sequence) and len(batch) == len(output)
    sources = batch if paired else [{}] * len(output)
    return [
        {**(source if isinstance(source, Mapping) else {}), **result}
        for source, result in zip(sources, output, strict=True)
    ]


def image_name(item: Mapping[str, Any]) -> str:
    """Return the file that an image was read from, as MONAI's metadata tell it, or an empty string."""
    for key in ("image", "label_map"):
        name = getattr(item.get(key), "meta", {}).get("filename_or_obj", "")
        if isinstance(name, (list, tuple)):
            name = name[0] if name else ""
        if name:
            return str(name)
    return ""


def _plane(value: Any, key: str, name: str) -> np.ndarray:
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise ValueError(
            f"{key!r} of {name or 'an image'} has shape {array.shape}: it must be (1, H, W) or (H, W)"
        )
    return array


def _labels(value: Any, key: str, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the label map of nuclei, and that of cells where there is one."""
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    nuclei, cells = nuclei_and_cells(array)
    both = [_plane(nuclei, key, name), *([] if cells is None else [cells])]
    # MONAI's loaders and casts make label maps float32; they are exact below 2**24 nuclei.
    whole = [each if np.issubdtype(each.dtype, np.integer) else np.rint(each).astype(int) for each in both]
    return whole[0], whole[1] if len(whole) > 1 else None


class InstanceMetrics(Metric):
    """Scores every image of an evaluator and leaves the scores of the set in ``engine.state``.

    After the epoch, ``state.metrics`` holds the chosen ids, ``state.instance_summary`` all of them,
    ``state.instance_rows`` one dictionary per image (name, scores, errors by kind), ``state.iou_rule``
    the rule and, if asked for, ``state.upper_bound`` the oracle; within the epoch ``state.latest_rows``
    are the current iteration's. Where images know their tissue (``tissue`` in the data list) the summary
    has ``bpq_mean`` and ``bpq_tissue_mean`` too, PanNuke's panoptic quality as the mean over their images
    and over the tissues, and ``state.tissues`` its mean for each. Where label maps have a second plane,
    of whole cells, summary and rows have the same scores of these, as ``cell_NAME``. Attached as a MONAI
    ``key_metric`` under the name of a score, that score selects the best checkpoint. `instance_metrics`
    makes such a dictionary.

    Args:
        ids: scores that appear in ``state.metrics``.
        iou_rule: "ge" or "gt", see ``common.metrics``.
        truth_key: key of the true label map of an image.
        prediction_key: key of the decoded label map.
        probability_key: key of the probability of foreground; images without it have no ``pixel_ap``.
        oracle: whether to compute ``oracle_f1_50`` too, an upper bound and no score.

    Shapes:
        label maps: (1, H, W), (H, W), or (2, H, W) of nuclei and cells. probability: (1, H, W) or (H, W).
    """

    def __init__(
        self,
        *,
        ids: Sequence[str] = HEADLINE,
        iou_rule: str = "ge",
        truth_key: str = "label_map",
        prediction_key: str = "pred_map",
        probability_key: str = "foreground",
        oracle: bool = False,
    ) -> None:
        self.ids = tuple(ids)
        self.iou_rule = iou_rule
        self.truth_key = truth_key
        self.prediction_key = prediction_key
        self.probability_key = probability_key
        self.oracle = oracle
        super().__init__()

    def reset(self) -> None:
        """Forget all images."""
        self._scored: list[tuple[str, Any, Any]] = []
        self._cells = CellScores(self.iou_rule)
        self._cell_rows: list[dict[str, float]] = []
        self._tissues: list[tuple[str, float]] = []  # of each image; an empty name where none is known

    def update(self, output: Sequence[Mapping[str, Any]]) -> None:
        """Score images.

        Args:
            output: one dictionary per image.

        Raises:
            KeyError: if an image lacks a label map.
            ValueError: if label maps differ in shape.
        """
        for item in output:
            name = image_name(item)
            for key in (self.truth_key, self.prediction_key):
                if key not in item:
                    raise KeyError(
                        f"an image has no {key!r}, only {sorted(map(str, item))}: check the postprocessing"
                    )
            truth, true_cells = _labels(item[self.truth_key], self.truth_key, name)
            prediction, cells = _labels(item[self.prediction_key], self.prediction_key, name)
            if truth.shape != prediction.shape:
                raise ValueError(
                    f"the label map of {name or 'an image'} is {truth.shape}, the predicted one"
                    f" {prediction.shape}: scores need the image's own size"
                )
            foreground = item.get(self.probability_key)
            probability = None if foreground is None else _plane(foreground, self.probability_key, name)
            scores = score_image(truth, prediction, probability=probability, iou_rule=self.iou_rule)
            oracle = None
            if self.oracle:
                table = contingency_table(truth, propagate_labels(truth, prediction))
                oracle = matching_counts(table, iou_rule=self.iou_rule)
            self._scored.append((name, scores, oracle))
            self._cell_rows.append(self._cells.update(true_cells, cells, name))
            tissue = str(item.get(TISSUE_KEY) or "")
            self._tissues.append((tissue, binary_pq(truth, prediction) if tissue else math.nan))

    def iteration_completed(self, engine: Engine) -> None:
        """Score the images of the engine's current iteration, and leave their rows in the state."""
        items = items_of(engine)
        self.update(items)
        engine.state.latest_rows = self._rows(len(self._scored) - len(items))

    def _rows(self, first: int = 0) -> list[dict[str, Any]]:
        pairs = zip(self._scored[first:], self._cell_rows[first:], strict=True)
        return [
            {"image": file, **scores.values, **scores.errors, **cells} for (file, scores, _), cells in pairs
        ]

    def _by_tissue(self) -> dict[str, Any]:
        """Return PanNuke's scores of the images whose tissue is known; nothing where none is."""
        known = [(tissue, score) for tissue, score in self._tissues if tissue]
        if not known:
            return {}
        tissues, scores = zip(*known, strict=True)
        return summarize_tissues("bpq", tissues, scores)

    def compute(self) -> dict[str, float]:
        """Return every score of the images seen since the last reset."""
        return summarize([scores for _, scores, _ in self._scored]) | self._cells.summary()

    def completed(self, engine: Engine, name: str) -> None:
        """Put the scores of the epoch into the engine's state.

        As the key score NaN counts as 0, and a loss that is not finite as the worst: nothing is ever better
        than NaN, so that the first epoch without a nucleus, or with such a loss, would stay the best for
        ever.
        """
        by_tissue = self._by_tissue()
        engine.state.tissues = by_tissue.pop("tissues", {})
        summary = self.compute() | by_tissue
        engine.state.instance_summary = summary
        engine.state.instance_rows = [
            row | ({"tissue": tissue, "bpq": bpq} if tissue else {})
            for row, (tissue, bpq) in zip(self._rows(), self._tissues, strict=True)
        ]
        engine.state.iou_rule = self.iou_rule
        shown = [*self.ids, *cell_names(self.ids, summary)]
        engine.state.metrics.update({score: summary[score] for score in shown})
        if name == NEGATIVE_LOSS:
            loss = engine.state.metrics.get("val_loss", math.inf)
            engine.state.metrics[name] = -loss if math.isfinite(loss) else -math.inf
        elif name not in summary:
            raise ValueError(
                f"--select_by is {name}, a score of whole cells, but none are found here: train with "
                f"whole_cells.json, or select by {name.removeprefix(CELL_PREFIX)}"
            )
        else:
            engine.state.metrics[name] = 0.0 if math.isnan(summary[name]) else summary[name]
        if self.oracle:
            counts = [oracle for _, _, oracle in self._scored]
            values = [v for each in counts if not math.isnan(v := matching_scores(each)["f1_50"])]
            engine.state.upper_bound = {
                "oracle_f1_50_mean": float(np.mean(values)) if values else math.nan,
                "oracle_f1_50_pooled": matching_scores(pool(counts))["f1_50"],
            }

    def attach(self, engine: Engine, name: str, usage: str | MetricUsage | None = None) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
            name: the score that ``state.metrics`` holds under this name and that selects the best model.
            usage: as in ignite; by default once per epoch.

        Raises:
            ValueError: if a name is none of the scores, before anything is trained.
        """
        known = known_scores()
        for score in (name, *self.ids):
            if score.removeprefix(CELL_PREFIX) not in (*known, NEGATIVE_LOSS):
                near = nearest(score, known) or "pq_pooled"
                raise ValueError(f"there is no score {score!r}: did you mean {near!r}?")
        super().attach(engine, name, EpochWise() if usage is None else usage)


def instance_metrics(select_by: str = "pq_pooled", **options: Any) -> dict[str, InstanceMetrics]:
    """Return what a MONAI evaluator wants as its ``key_metric``: the selecting score's name and the metric.

    The keys of a configuration cannot be references, so that ``--select_by`` needs this function.

    Args:
        select_by: the score that selects the best checkpoint and stops early, or "val_loss", the lower the
            better.
        **options: as for `InstanceMetrics`.

    Example:
        >>> list(instance_metrics("f1_50_pooled"))
        ['f1_50_pooled']
    """
    return {NEGATIVE_LOSS if select_by == "val_loss" else select_by: InstanceMetrics(**options)}
