"""A training: its steps, schedule, averages, seeds and stages."""

from .epoch_averages import EpochAverages, averages_of
from .epoch_seed import EpochSeed
from .finite_loss import FiniteLoss
from .first_stage import FirstStage
from .freeze_encoder import FreezeEncoder
from .gradient_step import GradientStep
from .learning_rate import LearningRate
from .out_of_fold import OutOfFoldMaps
from .training_cost import TrainingCost
from .training_run import run_training
from .warmup_cosine import WarmupCosine
from .weight_average import WeightAverage

__all__ = [
    "EpochAverages",
    "EpochSeed",
    "FiniteLoss",
    "FirstStage",
    "FreezeEncoder",
    "GradientStep",
    "LearningRate",
    "OutOfFoldMaps",
    "TrainingCost",
    "WarmupCosine",
    "WeightAverage",
    "averages_of",
    "run_training",
]
