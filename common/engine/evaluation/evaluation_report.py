"""The scores of an evaluation as a file, ``metrics.json``."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from ignite.engine import Engine, Events

from ...files import write_whole
from ...metrics import HEADLINE, json_safe, told_errors
from .cell_scores import cell_names

__all__ = ["EvaluationReport"]

_OF_CELLS = ("f1_50_pooled", "f1_mu_pooled", "sq_pooled", "pq_pooled")
_log = logging.getLogger(__name__)


class EvaluationReport:
    """Writes ``<output_dir>/metrics.json`` when an evaluator with `InstanceMetrics` has finished.

    The file holds every score as ``<id>_mean`` and ``<id>_pooled``, how many nuclei were missed, merged,
    split, poorly outlined or invented, ``images`` with the same of each, which weights, list of the data
    set and IoU rule they belong to, ``upper_bound`` apart from the scores, and ``cost`` where a `Cost`
    measured it. NaN, the score of what is not defined, is null. Where images know their tissue, PanNuke's
    scores are there as the mean over images and over tissues, and ``tissues`` has each. It appears whole
    or not at all.

    Args:
        output_dir: folder of the file.
        split: which list of the data set was evaluated.
        weights: file of the weights; by default what `LoadWeights` loaded.
    """

    def __init__(
        self, output_dir: str | Path, *, split: str = "test", weights: str | Path | None = None
    ) -> None:
        self.output_dir = Path(output_dir)
        self.split = split
        self.weights = weights

    def attach(self, engine: Engine) -> None:
        """Follow an evaluator.

        Args:
            engine: a MONAI evaluator.
        """
        engine.add_event_handler(Events.COMPLETED, self.completed)

    def completed(self, engine: Engine) -> None:
        """Write the file and log the scores that tables show.

        Raises:
            ValueError: if the evaluator has no `InstanceMetrics`.
        """
        summary = getattr(engine.state, "instance_summary", None)
        if summary is None:
            raise ValueError(
                "there are no scores to report: give the evaluator InstanceMetrics as its key_metric"
            )
        weights = self.weights or getattr(engine.state, "weights_file", None)
        tissues = getattr(engine.state, "tissues", {})
        report = {
            "split": self.split,
            "weights": None if weights is None else str(weights),
            "iou_rule": engine.state.iou_rule,
            **summary,
            **({"tissues": tissues} if tissues else {}),
            "upper_bound": getattr(engine.state, "upper_bound", {}),
            "cost": getattr(engine.state, "cost", {}),
            "images": engine.state.instance_rows,
        }
        text = json.dumps(json_safe(report), indent=2, allow_nan=False)
        path = write_whole(
            self.output_dir / "metrics.json", lambda part: part.write_text(text, encoding="utf-8")
        )
        shown = [
            *HEADLINE,
            *cell_names(_OF_CELLS, summary),
            *(name for name in ("bpq_mean", "bpq_tissue_mean") if name in summary),
        ]
        scores = "  ".join(f"{name} {summary[name]:.3f}" for name in shown)
        _log.info("%s list, %d images: %s", self.split, summary["n_images"], scores)
        _log.info("of %d nuclei %s", summary["n_true"], told_errors(summary))
        _log.info("scores written to %s", path)
