"""ignite handlers: MLflow, progress, scores, checkpoints."""

from .checkpoints import BestCheckpoint, CheckpointFolder, LastCheckpoint, set_aside
from .epoch_averages import EpochAverages, averages_of
from .evaluation_report import EvaluationReport
from .inference_progress import InferenceProgress
from .instance_metrics import InstanceMetrics, instance_metrics
from .key_score import key_score
from .learning_rate import LearningRate
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
    "InferenceProgress",
    "InstanceMetrics",
    "LastCheckpoint",
    "LearningRate",
    "LoadWeights",
    "MLflowRun",
    "MLflowStore",
    "Pictures",
    "Progress",
    "ValidationLoss",
    "averages_of",
    "find_weights",
    "instance_metrics",
    "key_score",
    "load_weights",
    "set_aside",
]
