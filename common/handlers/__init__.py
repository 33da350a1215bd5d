"""ignite handlers: MLflow, progress, scores, checkpoints."""

from .best_and_worst import BestAndWorst
from .best_checkpoint import BestCheckpoint
from .checkpoint_folder import CheckpointFolder, set_aside
from .early_stop import EarlyStop
from .epoch_averages import EpochAverages, averages_of
from .epoch_seed import EpochSeed
from .evaluation_report import EvaluationReport
from .finite_loss import FiniteLoss
from .first_stage import FirstStage
from .freeze_encoder import FreezeEncoder
from .gradient_step import GradientStep
from .inference_progress import InferenceProgress
from .instance_metrics import InstanceMetrics, instance_metrics
from .key_score import key_score
from .last_checkpoint import LastCheckpoint
from .learning_rate import LearningRate
from .mlflow_run import MLflowRun
from .mlflow_store import MLflowStore
from .out_of_fold import OutOfFoldMaps
from .pictures import Pictures
from .pretrained import Pretrained, load_fitting, load_imagenet
from .progress import Progress
from .resume import Resume
from .run_training import run_training
from .trained_bundle import Prediction, TrainedBundle, trained_bundle, training_config
from .trained_scale import trained_scale
from .validation_loss import ValidationLoss
from .weight_average import WeightAverage
from .weights import LoadWeights, find_weights, load_weights

__all__ = [
    "BestAndWorst",
    "BestCheckpoint",
    "CheckpointFolder",
    "EarlyStop",
    "EpochAverages",
    "EpochSeed",
    "EvaluationReport",
    "FiniteLoss",
    "FirstStage",
    "FreezeEncoder",
    "GradientStep",
    "InferenceProgress",
    "InstanceMetrics",
    "LastCheckpoint",
    "LearningRate",
    "LoadWeights",
    "MLflowRun",
    "MLflowStore",
    "OutOfFoldMaps",
    "Pictures",
    "Prediction",
    "Pretrained",
    "Progress",
    "Resume",
    "TrainedBundle",
    "ValidationLoss",
    "WeightAverage",
    "averages_of",
    "find_weights",
    "instance_metrics",
    "key_score",
    "load_fitting",
    "load_imagenet",
    "load_weights",
    "run_training",
    "set_aside",
    "trained_bundle",
    "trained_scale",
    "training_config",
]
