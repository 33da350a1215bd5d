"""The segmentation of images without labels, and running what puts its results into a folder."""

from .inference_progress import InferenceProgress
from .run_evaluator import run_evaluator

__all__ = ["InferenceProgress", "run_evaluator"]
