"""Runs an evaluator whose results go into a folder, which no other job may write to meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines import Evaluator

from ...files import hold
from ...readers.dataset_json import FILES
from .image_evaluator import FailedImagesError, ImageEvaluator
from .outputs import refuse_among_inputs

__all__ = ["run_evaluator"]


def run_evaluator(
    evaluator: Evaluator,
    *,
    output_dir: str | Path,
    job: str = "a segmentation",
    items: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Run an evaluator while `output_dir` is its own: nothing begins, not even in MLflow, before that.

    Args:
        evaluator: the evaluator.
        output_dir: folder of its results.
        job: what another job that wants the folder is told, with its article.
        items: images and labels that are read, among which nothing may be written.

    Raises:
        ValueError: if `output_dir` is the folder of some of them.
        InUseError: if another job writes there.
        FailedImagesError: if an `ImageEvaluator` could not segment some images; it has done all others.
    """
    refuse_among_inputs(output_dir, (item[key] for item in items for key in FILES if item.get(key)))
    with hold(output_dir, job=job, option="--output_dir"):
        if len(evaluator.data_loader):
            evaluator.run()
        else:  # all were finished: an engine refuses to run over nothing, but the summary may be missing
            evaluator.fire_event(Events.COMPLETED)
    if isinstance(evaluator, ImageEvaluator) and evaluator.failures:
        count, of = len(evaluator.failures), evaluator.state.iteration
        name, fault = next(iter(evaluator.failures.items()))
        others = "" if count == 1 else f", and {count - 1} more told above"
        raise FailedImagesError(f"{count} of {of} images could not be segmented: {name} ({fault}){others}")
