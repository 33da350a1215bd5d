"""The segmentation of images without labels, and running what puts its results into a folder."""

from .inference_progress import InferenceProgress
from .run_evaluator import run_evaluator
from .unlike_training import UnlikeTraining

__all__ = ["InferenceProgress", "UnlikeTraining", "run_evaluator"]
