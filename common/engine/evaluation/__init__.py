"""Scores of what an engine puts out, their report, the best and the worst images."""

from .best_and_worst import BestAndWorst
from .cost import Cost, images_per_second
from .evaluation_report import EvaluationReport
from .instance_scores import InstanceMetrics, instance_metrics
from .option_search import Trial, search_options
from .validation import Validation
from .validation_loss import ValidationLoss

__all__ = [
    "BestAndWorst",
    "Cost",
    "EvaluationReport",
    "InstanceMetrics",
    "Trial",
    "Validation",
    "ValidationLoss",
    "images_per_second",
    "instance_metrics",
    "search_options",
]
