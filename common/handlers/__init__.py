"""ignite handlers: MLflow, progress, scores, checkpoints."""

from .checkpoints import BestCheckpoint, CheckpointFolder, LastCheckpoint, set_aside
from .epoch_averages import EpochAverages, averages_of
from .evaluation_report import EvaluationReport
from .instance_metrics import InstanceMetrics, instance_metrics
from .mlflow_run import MLflowRun
from .mlflow_store import MLflowStore
from .pictures import Pictures
from .progress import Progress
from .validation_loss import ValidationLoss
from .weights import LoadWeights, find_weights, load_weights

__all__ = [
    "BestCheckpoint",
    "CheckpointFolder",
    "EpochAverages",
    "EvaluationReport",
    "InstanceMetrics",
    "LastCheckpoint",
    "LoadWeights",
    "MLflowRun",
    "MLflowStore",
    "Pictures",
    "Progress",
    "ValidationLoss",
    "averages_of",
    "find_weights",
    "instance_metrics",
    "load_weights",
    "set_aside",
]
