"""Scores of what an engine puts out, their report, the best and the worst images."""

from .best_and_worst import BestAndWorst
from .evaluation_report import EvaluationReport
from .instance_metrics import InstanceMetrics, instance_metrics
from .option_search import Trial, search_options
from .validation import Validation
from .validation_loss import ValidationLoss

__all__ = [
    "BestAndWorst",
    "EvaluationReport",
    "InstanceMetrics",
    "Trial",
    "Validation",
    "ValidationLoss",
    "instance_metrics",
    "search_options",
]
