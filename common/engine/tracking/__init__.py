"""MLflow and what is seen of a training; the only room that imports MLflow."""

from .finished_evaluations import FinishedEvaluation, finished_evaluations
from .metric_history import metric_history
from .mlflow_run import MLflowRun
from .mlflow_store import MLflowStore
from .pictures import Pictures
from .progress import Progress, duration
from .provenance import TAGS_VARIABLE, code_tags
from .trained_method import AS_LISTED, lists_in_words, method_tags

__all__ = [
    "AS_LISTED",
    "FinishedEvaluation",
    "MLflowRun",
    "MLflowStore",
    "Pictures",
    "Progress",
    "TAGS_VARIABLE",
    "code_tags",
    "duration",
    "finished_evaluations",
    "lists_in_words",
    "method_tags",
    "metric_history",
]
