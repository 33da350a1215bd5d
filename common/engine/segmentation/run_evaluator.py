"""Runs an evaluator whose results go into a folder, which no other job may write to meanwhile."""

from __future__ import annotations

from pathlib import Path

from monai.engines import Evaluator

from ...files import hold

__all__ = ["run_evaluator"]


def run_evaluator(evaluator: Evaluator, *, output_dir: str | Path, job: str = "a segmentation") -> None:
    """Run an evaluator while `output_dir` is its own: nothing begins, not even in MLflow, before that.

    Args:
        evaluator: the evaluator.
        output_dir: folder of its results.
        job: what another job that wants the folder is told, with its article.

    Raises:
        InUseError: if another job writes there.
    """
    with hold(output_dir, job=job, option="--output_dir"):
        evaluator.run()
