"""Frozen foundation models: image -> features that nothing here has trained."""

from .feature_cache import FeatureCache
from .features_transform import FoundationFeaturesd
from .frozen_sam import FrozenSAM
from .sam_weights import DEFAULT_WEIGHTS, load_sam_encoder

__all__ = ["DEFAULT_WEIGHTS", "FeatureCache", "FoundationFeaturesd", "FrozenSAM", "load_sam_encoder"]
