"""Arrays -> tensors; label map -> targets."""

from .instance_targets import InstanceTargetsd, instance_targets
from .intensity import ScalePercentilesd, scale_percentiles
from .label_parts import SplitLabelPartsd
from .pixel_size import ToImageGridd, ToModelScaled, resample_image, resample_labels

__all__ = [
    "InstanceTargetsd",
    "ScalePercentilesd",
    "SplitLabelPartsd",
    "ToImageGridd",
    "ToModelScaled",
    "instance_targets",
    "resample_image",
    "resample_labels",
    "scale_percentiles",
]
