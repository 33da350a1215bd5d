"""Arrays -> tensors; label map -> targets."""

from .instance_targets import InstanceTargetsd, instance_targets
from .intensity import ScalePercentilesd, scale_percentiles
from .label_parts import SplitLabelPartsd

__all__ = [
    "InstanceTargetsd",
    "ScalePercentilesd",
    "SplitLabelPartsd",
    "instance_targets",
    "scale_percentiles",
]
