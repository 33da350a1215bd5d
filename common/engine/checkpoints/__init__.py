"""The folder of a training: best and last weights, resuming, stopping early, pretrained weights."""

from .best import BestCheckpoint
from .early_stop import EarlyStop
from .folder import CheckpointFolder, set_aside
from .key_score import key_score
from .last import LastCheckpoint
from .pretrained import Pretrained, load_fitting, load_imagenet
from .resume import Resume

__all__ = [
    "BestCheckpoint",
    "CheckpointFolder",
    "EarlyStop",
    "LastCheckpoint",
    "Pretrained",
    "Resume",
    "key_score",
    "load_fitting",
    "load_imagenet",
    "set_aside",
]
