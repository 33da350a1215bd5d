"""The segmentation of images without labels, and running what puts its results into a folder."""

from .evaluator_run import run_evaluator
from .folder_summary import FolderSummary
from .image_dataset import ImageDataset
from .image_evaluator import FailedImagesError, ImageEvaluator
from .inference_progress import InferenceProgress
from .outputs import Outputs, refuse_among_inputs
from .segmenter import Segmentation, Segmenter, load_segmenter
from .size_search import SizeSearch, sized_inferer
from .unlike_training import UnlikeTraining

__all__ = [
    "FailedImagesError",
    "FolderSummary",
    "ImageDataset",
    "ImageEvaluator",
    "InferenceProgress",
    "Outputs",
    "Segmentation",
    "Segmenter",
    "SizeSearch",
    "UnlikeTraining",
    "load_segmenter",
    "refuse_among_inputs",
    "run_evaluator",
    "sized_inferer",
]
