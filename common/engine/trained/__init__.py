"""A finished training: its weights, and the settings that hold for evaluation and inference."""

from .bundle import Prediction, TrainedBundle, trained_bundle, training_config
from .scale import trained_scale
from .weights import LoadWeights, find_weights, load_weights

__all__ = [
    "LoadWeights",
    "Prediction",
    "TrainedBundle",
    "find_weights",
    "load_weights",
    "trained_bundle",
    "trained_scale",
    "training_config",
]
