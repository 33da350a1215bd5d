"""Runs an evaluator whose results go into a folder, which no other job may write to meanwhile."""

from __future__ import annotations

from pathlib import Path

from monai.engines import Evaluator

from ...files import hold
from .image_evaluator import FailedImagesError, ImageEvaluator

__all__ = ["run_evaluator"]


def run_evaluator(evaluator: Evaluator, *, output_dir: str | Path, job: str = "a segmentation") -> None:
    """Run an evaluator while `output_dir` is its own: nothing begins, not even in MLflow, before that.

    Args:
        evaluator: the evaluator.
        output_dir: folder of its results.
        job: what another job that wants the folder is told, with its article.

    Raises:
        InUseError: if another job writes there.
        FailedImagesError: if an `ImageEvaluator` could not segment some images; it has done all others.
    """
    with hold(output_dir, job=job, option="--output_dir"):
        if not len(evaluator.data_loader):  # all were finished; an engine refuses to run over nothing
            return
        evaluator.run()
    if isinstance(evaluator, ImageEvaluator) and evaluator.failures:
        count, of = len(evaluator.failures), evaluator.state.iteration
        name, fault = next(iter(evaluator.failures.items()))
        others = "" if count == 1 else f", and {count - 1} more told above"
        raise FailedImagesError(f"{count} of {of} images could not be segmented: {name} ({fault}){others}")
