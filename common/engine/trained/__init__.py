"""A finished training: its weights, and the settings that hold for evaluation and inference."""

from .bundle import Prediction, TrainedBundle, trained_bundle, training_config
from .other_bundle import refuse_other_bundle
from .settings import shared_folders, trained_settings
from .shared_settings import shared_settings
from .training_cost import COST_FILE, cost_of_training
from .tuned import TUNED_FILE, tuned_decoder, write_tuned
from .use_settings import LoadWeights, take_trained_settings, use_trained_settings
from .weights import choose_weights, find_weights, load_weights

__all__ = [
    "TUNED_FILE",
    "COST_FILE",
    "LoadWeights",
    "Prediction",
    "TrainedBundle",
    "choose_weights",
    "cost_of_training",
    "find_weights",
    "load_weights",
    "refuse_other_bundle",
    "shared_folders",
    "shared_settings",
    "take_trained_settings",
    "trained_bundle",
    "trained_settings",
    "training_config",
    "tuned_decoder",
    "use_trained_settings",
    "write_tuned",
]
